"""What nobody looks at is not estimated."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from cpm_live.capture.open import SourceRequest
from cpm_live.core.frame import Frame
from cpm_live.engines.recipe import find
from cpm_live.pipeline.gate import Gate
from tests.pipeline.test_live import Session


def _frame(index: int) -> Frame:
    return Frame(np.zeros((8, 8, 3), np.uint8), index, index)


def _taken(gate: Gate) -> tuple[int, int] | None:
    item = gate.frames.take_now()
    return None if item is None else (item[0], item[1].index)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_newest_frame_waits_for_whoever_looks_again() -> None:
    used = False
    gate = Gate(lambda: used)
    gate.watch(False)
    gate.put(1, _frame(0))
    assert _taken(gate) == (1, 0)  # the first of a source
    gate.put(1, _frame(1))
    gate.put(1, _frame(2))
    gate.watch(False)
    assert _taken(gate) is None
    gate.watch(True)
    assert _taken(gate) == (1, 2)
    gate.watch(True)
    assert _taken(gate) is None  # once
    gate.put(1, _frame(3))
    assert _taken(gate) == (1, 3)
    gate.watch(False)
    gate.put(1, _frame(4))
    used = True
    gate.put(1, _frame(5))
    assert _taken(gate) == (1, 5)
    gate.watch(True)
    assert _taken(gate) is None  # it is older
    gate.watch(False)
    used = False
    gate.put(1, _frame(6))
    gate.clear()
    gate.put(2, _frame(0))
    assert _taken(gate) == (2, 0)
    gate.watch(True)
    assert _taken(gate) is None
    assert gate.frames.skipped == 0


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session()
    yield session
    session.live.stop()


def test_frames_that_nobody_wants_are_read_and_not_estimated(session: Session, tmp_path: Path) -> None:
    live = session.live
    live.set_model(find("body"))
    live.set_source(SourceRequest("a"))
    _until(lambda: bool(session.engines) and session.engines[0].calls > 2)

    def still() -> int:
        """How often the engine has run once what was begun is done."""
        at = session.sources[0].index
        _until(lambda: session.sources[0].index > at + 20)
        return session.engines[0].calls

    live.gate.watch(False)
    calls, read = still(), session.sources[0].index
    assert still() == calls and session.sources[0].index > read
    # A recording wants all of them, whoever looks.
    live.start_recording(tmp_path / "a.mkv")
    _until(lambda: session.engines[0].calls > calls + 2)
    live.stop_recording()
    calls = still()
    assert still() == calls
    # So does another program.
    live.start_sending("127.0.0.1:9")
    _until(lambda: session.engines[0].calls > calls + 2)
    live.stop_sending()
    calls = still()
    assert still() == calls
    live.gate.watch(True)
    _until(lambda: session.engines[0].calls > calls + 2)
