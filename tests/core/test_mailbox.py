from __future__ import annotations

import threading
import time

from cpm_live.core.mailbox import Mailbox


def test_newest_wins_and_the_rest_is_counted() -> None:
    box: Mailbox[int] = Mailbox()
    for item in range(5):
        box.put(item)
    assert box.take(0) == 4
    assert box.skipped == 4
    assert box.take_now() is None


def test_cue_only_from_empty_to_full() -> None:
    cues: list[int] = []
    box: Mailbox[int] = Mailbox(lambda: cues.append(1))
    box.put(1)
    box.put(2)
    box.put(3)
    assert len(cues) == 1
    box.take_now()
    box.put(4)
    assert len(cues) == 2


def test_close_wakes_a_waiting_taker() -> None:
    box: Mailbox[int] = Mailbox()
    got: list[int | None] = []
    thread = threading.Thread(target=lambda: got.append(box.take(10)))
    thread.start()
    time.sleep(0.05)
    box.close()
    thread.join(1)
    assert not thread.is_alive() and got == [None]
    box.put(1)
    assert box.take_now() is None


def test_every_item_is_either_taken_or_counted_as_skipped() -> None:
    box: Mailbox[int] = Mailbox()
    taken: list[int] = []

    def consume() -> None:
        while (item := box.take(0.5)) is not None:
            taken.append(item)

    thread = threading.Thread(target=consume)
    thread.start()
    for item in range(1, 3001):
        box.put(item)
    thread.join(5)
    assert len(taken) + box.skipped == 3000
    assert taken == sorted(taken) and taken[-1] == 3000
