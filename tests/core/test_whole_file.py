"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from cpm_live import PoseMachine
from cpm_live.core import whole_file
from cpm_live.core.errors import InputError
from cpm_live.core.picture_file import write_picture
from cpm_live.core.whole_file import claim, whole
from cpm_live.drawing.view import View
from cpm_live.gui.snapshot import write_snapshot
from tests.fakes import DotEngine


def test_a_file_that_cannot_be_ended_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OSError), whole(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["a.txt"]
    with whole(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after" and os.listdir(tmp_path) == ["a.txt"]


def test_links_long_names_and_pipes(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("needs symbolic links")
    long = tmp_path / ("ü" * 120 + ".png")
    for path in (link, long):
        with whole(path) as temporary:
            temporary.write_text("after")
    assert link.is_symlink() and target.read_text() == long.read_text() == "after"
    if hasattr(os, "mkfifo"):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with whole(pipe) as temporary:
            assert temporary == pipe, "what is no file is written as it is: /dev/null stays a device"


def test_a_picture_on_a_full_disk_is_not_cut_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    write_picture(path, np.full((40, 60, 3), 90, np.uint8))

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    for name in ("a.png", "b.png"):
        with pytest.raises(InputError, match="No space left"):
            write_picture(tmp_path / name, np.full((40, 60, 3), 10, np.uint8))
    assert os.listdir(tmp_path) == ["a.png"] and int(cv2.imread(str(path)).mean()) == 90


def test_on_windows_it_waits_for_who_has_the_file_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, replace, tries = tmp_path / "a.txt", os.replace, []

    def busy(source: Path, target: Path) -> None:
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "Access is denied")
        replace(source, target)

    monkeypatch.setattr(whole_file.os, "replace", busy)
    monkeypatch.setattr(whole_file, "sys", SimpleNamespace(platform="win32"))
    with whole(path) as temporary:
        temporary.write_text("after")
    assert path.read_text() == "after" and len(tries) == 3
    monkeypatch.setattr(whole_file, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(whole_file.os, "replace", lambda *names: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(PermissionError), whole(path) as temporary:
        temporary.write_text("never")
    assert path.read_text() == "after" and os.listdir(tmp_path) == ["a.txt"]


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    names = [claim(tmp_path / "a.png") for _ in range(3)]
    assert [name.name for name in names] == ["a.png", "a-2.png", "a-3.png"] and all(name.exists() for name in names)


def test_two_snapshots_of_one_moment_have_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = PoseMachine("body", engine=DotEngine())(np.zeros((48, 64, 3), np.uint8))
    monkeypatch.setattr("cpm_live.gui.snapshot.name_of_now", lambda folder, suffix: folder / f"now{suffix}")
    paths = [write_snapshot(result, View(), tmp_path / "new") for _ in range(2)]
    assert paths == [tmp_path / "new" / "now.png", tmp_path / "new" / "now-2.png"]
    assert all(cv2.imread(str(path)).shape == (48, 64, 3) for path in paths)
    # Nothing is left of what cannot be written.
    monkeypatch.setattr("cpm_live.core.whole_file._put", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    assert "No space left" in str(write_snapshot(result, View(), tmp_path / "new"))
    assert len(list((tmp_path / "new").iterdir())) == 2
