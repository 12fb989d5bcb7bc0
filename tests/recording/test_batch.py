"""A whole input through the machine."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from cpm_live.capture.images import ImageSource
from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY
from cpm_live.recording.batch import run_batch
from tests.capture.films import picture


class _Searching:
    """A machine that must not take pictures for a film; it leaves somebody out of each."""

    recipe, with_hands = SimpleNamespace(name="body", skeleton=BODY), False

    def find(self, frame: Frame) -> Result:
        return Result(frame, (), BODY, "body", 2, 0.4, left_out=1)


@pytest.mark.parametrize("names", [("me.png",), ("me.png", "you.png")])
def test_pictures_are_searched_and_named_one_by_one(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in names:
        picture(folder / name)
    source = ImageSource(folder if len(names) > 1 else folder / names[0])
    summary = run_batch(source, _Searching(), None, tmp_path / "k.jsonl")  # type: ignore[arg-type]
    assert summary.frames == summary.left_out == len(names)
    assert [json.loads(line)["file"] for line in (tmp_path / "k.jsonl").read_text().splitlines()[1:]] == list(names)


def test_keypoints_named_csv_are_a_table(tmp_path: Path) -> None:
    picture(tmp_path / "me.png")
    run_batch(ImageSource(tmp_path / "me.png"), _Searching(), None, tmp_path / "k.CSV")  # type: ignore[arg-type]
    assert (tmp_path / "k.CSV").read_text().startswith("index,time,file,skeleton,id")
