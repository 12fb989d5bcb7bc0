"""What is read is let go of: without waiting for Python's garbage collector, which may come after hundreds of frames,
each with the threads of the scaler that made it."""

from __future__ import annotations

import gc
import os
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from cpm_live.capture.video import VideoSource
from cpm_live.core.errors import InputError
from tests.capture.films import film


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _pictures() -> int:
    return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())


def test_pictures_do_not_outlive_their_turn(tmp_path: Path, uncollected: None) -> None:
    source, before = VideoSource(str(film(tmp_path / "a.mp4"))), _pictures()
    for _ in range(30):
        assert source.read() is not None
    assert _pictures() <= before + 2
    source.close()


def test_a_closed_film_is_gone(tmp_path: Path, uncollected: None) -> None:
    source = VideoSource(str(film(tmp_path / "a.mp4")))
    source.read()
    source.close()
    source.close()  # twice does no harm
    gone = weakref.ref(source)
    del source
    assert gone() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts open files in /proc")
def test_a_film_that_cannot_be_used_is_closed(tmp_path: Path, uncollected: None) -> None:
    path = film(tmp_path / "a.mp4", 5)
    data = bytearray(path.read_bytes())
    at = data.index(b"mdat") + 4
    data[at : data.index(b"moov") - 4] = b"\0" * (data.index(b"moov") - 4 - at)
    path.write_bytes(data)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(InputError):
            VideoSource(str(path))
    assert len(os.listdir("/proc/self/fd")) == before
