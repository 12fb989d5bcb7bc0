"""Keypoints over a real socket."""

from __future__ import annotations

import socket
import time
from typing import Any

import numpy as np
import pytest

from cpm_live.core.address import osc_receiver, osc_shown
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY
from cpm_live.engines.recipe import find
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.streaming.sender import KeypointSender, OscSender
from tests.fakes import DotEngine
from tests.streaming.listener import Listener


def _result(index: int = 0) -> Result:
    image = np.full((240, 320, 3), 60, np.uint8)
    image[100:116, 152:168] = 255
    with PoseMachine(find("body"), DotEngine(joints=14)) as machine:
        return machine(Frame(image, index, 1))


def test_what_is_sent_arrives(listener: Listener) -> None:
    with OscSender(listener.address) as sender:
        result = _result()
        sender.send(result)
        told = listener.hear()
        assert told["/cpm/frame"] == [0, 320, 240, 1, 0]
        x, y, score = result.poses[0].keypoints[BODY.index("neck")]
        assert told["/cpm/body/1/neck"] == pytest.approx([(x + 0.5) / 320, (y + 0.5) / 240, score])
        assert not sender.problem
    assert listener.hear() == {"/cpm/body/1/id": [0]}, "at the end nobody is there"


def test_ipv6() -> None:
    try:
        one = Listener(socket.AF_INET6)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    with OscSender(f"[::1]:{one.port}") as sender:
        sender.send(_result())
    assert "/cpm/frame" in one.hear()
    one.close()


def test_a_name_with_two_addresses_is_where_most_programs_hear(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, real = ("::1", listener.port, 0, 0), socket.getaddrinfo

    def six_first(host: str, port: int, **options: Any) -> list[Any]:
        return [(socket.AF_INET6, socket.SOCK_DGRAM, 17, "", own), *real("127.0.0.1", port, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", six_first)
    with OscSender(f"localhost:{listener.port}") as sender:
        sender.send(_result())
    assert "/cpm/frame" in listener.hear()


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("9001", ("127.0.0.1", 9001)),
        (" 192.168.1.20:7000 ", ("192.168.1.20", 7000)),
        ("studio.local", ("studio.local", 9000)),
        ("[::1]:8000", ("::1", 8000)),
        ("[fe80::1%eth0]", ("fe80::1%eth0", 9000)),
    ],
)
def test_addresses(text: str, there: tuple[str, int]) -> None:
    assert osc_receiver(text) == there and osc_receiver(osc_shown(text)) == there
    assert osc_shown("9001") == "127.0.0.1:9001" and osc_shown("[::1]") == "[::1]:9000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host:",
        "host:0",
        "host:65536",
        "99999",
        "a b",
        "::1",
        "osc://host:9000",
        "a:b",
        "u@h:1",
        "h:1/x",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InputError, match=r"give HOST:PORT, such as 127\.0\.0\.1:9000"):
        osc_receiver(text)
    with pytest.raises(InputError):
        KeypointSender(text)


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(InputError, match=r"cannot send to no-such-host\.invalid: "):
        OscSender("no-such-host.invalid:9000")
    sender = KeypointSender("no-such-host.invalid:9000")
    sender.start()
    sender.join(20)
    assert sender.failed and "no-such-host.invalid" in sender.problem


def test_a_fault_of_ours_is_not_silent(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(self: OscSender, result: Result, mirror: bool = False) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(OscSender, "send", fails)
    sender = KeypointSender(listener.address)
    sender.start()
    sender.put(_result(), False)
    sender.join(5)
    assert sender.failed and sender.problem == f"cannot go on sending to {listener.address}: a mistake"
    assert "ZeroDivisionError" in caplog.text


def test_a_network_that_is_away_is_told_and_comes_back(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def sendto(self, data: bytes, at: object) -> None:
            raise OSError(101, "Network is unreachable")

        def close(self) -> None: ...

    sender = OscSender(listener.address)
    real, result = sender._socket, _result()
    monkeypatch.setattr(sender, "_socket", Away())
    sender.send(result)
    assert sender.problem == "Network is unreachable"
    monkeypatch.setattr(sender, "_socket", real)
    sender.send(result)
    assert not sender.problem and "/cpm/body/1/id" in listener.hear()
    sender.close()


def test_nobody_waits_for_the_network_and_the_newest_is_sent(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = [_result(index) for index in range(4)]
    send = OscSender.send

    def slow(self: OscSender, result: Result, mirror: bool = False) -> None:
        time.sleep(0.3)
        send(self, result, mirror)

    monkeypatch.setattr(OscSender, "send", slow)
    sender = KeypointSender(listener.address)
    sender.start()
    sender.put(results[0], False)
    time.sleep(0.15)
    started = time.monotonic()
    for result in results[1:]:
        sender.put(result, False)
    assert time.monotonic() - started < 0.2
    assert [listener.hear()["/cpm/frame"][0] for _ in range(2)] == [0, 3]
    sender.finish()
    sender.join(5)
    assert not sender.is_alive() and listener.hear() == {"/cpm/body/1/id": [0]}
