"""Large pictures: what is encoded is not copied on the way there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from cpm_live.recording import video
from cpm_live.recording.video import VideoWriter


def test_pictures_are_encoded_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of 25 MB of each picture in 4K hold up every other thread, the window's too."""
    places: list[int] = []

    class Scaler:
        def __init__(self) -> None:
            self._scaler = VideoReformatter()

        def reformat(self, frame: av.VideoFrame, *how: Any, **named: Any) -> av.VideoFrame:
            places.append(frame.planes[0].buffer_ptr)
            return self._scaler.reformat(frame, *how, **named)

    monkeypatch.setattr(video, "VideoReformatter", Scaler)
    images = [np.full((96, 128, 3), 80 * value, np.uint8) for value in range(3)]
    images[1].flags.writeable = False
    writer = VideoWriter(tmp_path / "a.mp4")
    for number, image in enumerate(images):
        writer.write(image, number / 10)
        if image.flags.writeable:
            image[:] = 255  # the film has what it was
    writer.close()
    assert places == [image.ctypes.data for image in images]
    with av.open(str(tmp_path / "a.mp4")) as film:
        shown = [picture.to_ndarray(format="bgr24") for picture in film.decode(video=0)]
    assert [round(float(image.mean()) / 80) for image in shown] == [0, 1, 2]
