"""How hard a film is pressed."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.error import ExternalError

from cpm_live.core.errors import InputError
from cpm_live.recording import video
from cpm_live.recording.video import VideoWriter


@pytest.mark.parametrize(
    ("cores", "size", "live", "preset"),
    [
        (2, (1920, 1080), True, "ultrafast"),
        (2, (1280, 720), True, "veryfast"),
        (4, (1920, 1080), True, "veryfast"),
        (4, (3840, 2160), True, "ultrafast"),
        (16, (3840, 2160), True, "veryfast"),
        (2, (1920, 1080), False, "veryfast"),
    ],
)
def test_a_recording_leaves_cores_to_what_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, size: tuple[int, int], live: bool, preset: str
) -> None:
    monkeypatch.setattr(video, "physical_cores", lambda: cores)
    writer = VideoWriter(tmp_path / "a.mp4", live=live)
    writer.write(np.full((size[1], size[0], 3), 90, np.uint8), 0.0)
    assert writer._preset() == preset
    writer.close()
    with av.open(str(tmp_path / "a.mp4")) as film:
        (picture,) = film.decode(video=0)
        assert (picture.width, picture.height) == size and abs(picture.to_ndarray(format="bgr24").mean() - 90) < 5


def test_an_encoder_that_fails_is_told_from_a_disk_that_does(
    tmp_path: Path,
) -> None:
    """Another folder would not help."""
    writer = VideoWriter(tmp_path / "a.mp4")
    writer.write(np.full((48, 64, 3), 90, np.uint8), 0.0)

    class Failing:
        def encode(self, frame: object) -> list[object]:
            raise ExternalError(-542398533, "Generic error in an external library")

    writer._stream = Failing()  # type: ignore[assignment]
    with pytest.raises(InputError, match=r"cannot encode 64x48 pixels: Generic error.*a\.mp4 ends there"):
        writer.write(np.full((48, 64, 3), 90, np.uint8), 0.1)
    writer.close()
