"""A picture that stands still is scaled once, and looks the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage, QPainter
from pytestqt.qtbot import QtBot

from cpm_live.core.frame import Frame
from cpm_live.core.pose import Result
from cpm_live.core.skeleton import BODY
from cpm_live.gui.geometry import Fit
from cpm_live.gui.images import FrameImage
from cpm_live.gui.picture import Picture
from cpm_live.gui.still import StillFrame
from cpm_live.gui.theme import PICTURE_BACKGROUND

Scaled = list[Frame]


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> Scaled:
    """The frames that were scaled."""
    frames: Scaled = []
    of: Callable[[FrameImage, Frame, float], QImage] = FrameImage.of

    def note(images: FrameImage, frame: Frame, scale: float) -> QImage:
        frames.append(frame)
        return of(images, frame, scale)

    monkeypatch.setattr(FrameImage, "of", note)
    return frames


def _frame(index: int, width: int = 331, height: int = 190) -> Frame:
    return Frame(np.random.default_rng(index).integers(0, 256, (height, width, 3), np.uint8), index, index)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
@pytest.mark.parametrize("size", [(240, 161), (400, 300), (97, 300)])
def test_the_kept_picture_is_the_painted_one(
    qapp: object, scaled: Scaled, size: tuple[int, int], ratio: float, mirror: bool
) -> None:
    still, frame = StillFrame(), _frame(0)
    fit = Fit.into((frame.width, frame.height), size, mirror)
    painted = []
    for number in range(4):
        canvas = QImage(round(size[0] * ratio), round(size[1] * ratio), QImage.Format.Format_RGB32)
        canvas.setDevicePixelRatio(ratio)
        canvas.fill(PICTURE_BACKGROUND)
        painter = QPainter(canvas)
        painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
        # Held, it comes in a frame of its own each time.
        still.paint(painter, replace(frame, index=number), fit, QSize(*size), ratio)
        painter.end()
        painted.append(canvas)
    assert len(scaled) == 2
    assert all(canvas == painted[0] for canvas in painted[1:])


def test_a_picture_that_is_held_is_scaled_once(qtbot: QtBot, scaled: Scaled) -> None:
    """Ten times a second it would be: of 50 megapixels on a large screen a third of a core."""
    picture = Picture()
    qtbot.addWidget(picture)
    picture.resize(400, 300)
    with qtbot.waitExposed(picture):
        picture.show()
    frame = _frame(0)
    scaled.clear()
    for number in range(6):
        picture.show_result(Result(replace(frame, index=number), (), BODY, "body", 3, 0.5))
        picture.repaint()
    assert len(scaled) == 2
    # Another one, or in another place, is not that one; a film's frames are painted as they come.
    picture.show_result(Result(_frame(1), (), BODY, "body", 3, 0.5))
    picture.repaint()
    picture.resize(300, 300)
    picture.repaint()
    assert [one.index for one in scaled[2:]] == [1, 1]
