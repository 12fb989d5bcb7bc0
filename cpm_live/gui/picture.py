"""The picture: frame, belief glow, skeleton, boxes, at any window size."""

from __future__ import annotations

import time

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cpm_live.core.pose import Result
from cpm_live.drawing.view import View, shown_map, stage_index, visible_joints
from cpm_live.gui.banner import Banner
from cpm_live.gui.figure_painter import paint_box, paint_chip, paint_figure, paint_joint_label
from cpm_live.gui.geometry import Fit
from cpm_live.gui.images import bgr_image, glow_array, glow_image
from cpm_live.gui.theme import PICTURE_BACKGROUND

_REACH = 16.0
"""Widget pixels from a joint within which the mouse means it."""


class Picture(QWidget):
    """Paints results; reports the joint under the mouse.

    Signals:
        first_painted: once, when the first frame is on the screen.
        joint_hovered: the joint under the mouse, or -1.
        joint_clicked: the joint clicked on.
    """

    first_painted = Signal()
    joint_hovered = Signal(int)
    joint_clicked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Picture with skeleton and belief map")
        self.banner = Banner(self)
        self.paint_ms = 0.0
        self._result: Result | None = None
        self._view = View()
        self._painted = False
        self._paused = False
        self._hovered = -1
        self._waiting = "Opening the source…"

    def sizeHint(self) -> QSize:
        """A 4:3 picture."""
        return QSize(800, 600)

    @property
    def result(self) -> Result | None:
        """What is shown."""
        return self._result

    def show_result(self, result: Result) -> None:
        """Show a result from now on."""
        self._result = result
        self.update()

    def set_view(self, view: View) -> None:
        """Show the same result otherwise."""
        if view != self._view:
            self._view = view
            self.update()

    def set_paused(self, paused: bool) -> None:
        """Say on the picture that it stands still."""
        self._paused = paused
        self.update()

    def clear(self, waiting: str) -> None:
        """Show no frame but a line saying why."""
        self._result, self._waiting = None, waiting
        self.update()

    def fit(self) -> Fit | None:
        """Where the frame lies; None without one."""
        if self._result is None:
            return None
        frame = self._result.frame
        return Fit.into((frame.width, frame.height), (self.width(), self.height()), self._view.mirror)

    def frame_to_widget(self, x: float, y: float) -> QPointF:
        """A frame pixel's place in the widget."""
        fit = self.fit()
        if fit is None:
            raise ValueError("no frame is shown")
        return QPointF(*fit.to_widget((x, y)).tolist())

    def widget_to_frame(self, at: QPointF) -> tuple[float, float]:
        """The frame pixel at a place in the widget."""
        fit = self.fit()
        if fit is None:
            raise ValueError("no frame is shown")
        x, y = fit.to_frame((at.x(), at.y())).tolist()
        return x, y

    # -- painting ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint everything."""
        started = time.perf_counter()
        painter = QPainter(self)
        painter.fillRect(self.rect(), PICTURE_BACKGROUND)
        result, fit = self._result, self.fit()
        if result is None or fit is None:
            self._paint_waiting(painter)
        else:
            self._paint_result(painter, result, fit)
        painter.end()
        self.paint_ms = (time.perf_counter() - started) * 1e3
        if result is not None and not self._painted:
            self._painted = True
            self.first_painted.emit()

    def _paint_result(self, painter: QPainter, result: Result, fit: Fit) -> None:
        view = self._view
        area = QRectF(fit.left, fit.top, fit.width * fit.scale, fit.height * fit.scale)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        painter.setClipRect(area)
        # From here to restore the painter's units are frame pixels, edges at integers.
        painter.translate(fit.left, fit.top)
        painter.scale(fit.scale, fit.scale)
        if fit.mirror:
            painter.translate(fit.width, 0)
            painter.scale(-1, 1)
        painter.drawImage(QRectF(0, 0, fit.width, fit.height), bgr_image(result.frame.image))
        stage = stage_index(result, view)
        if view.glow > 0:
            for pose in result.poses:
                belief = shown_map(pose, stage, view.joint)
                if belief is not None:
                    colours = glow_array(belief, view.glow)
                    painter.drawImage(QRectF(*pose.crop.map_box(len(belief))), glow_image(colours))
        painter.restore()
        for pose in result.poses:
            if view.skeleton:
                paint_figure(painter, pose, stage, result, view, fit)
            if view.boxes:
                paint_box(painter, pose, fit)
        for pose in result.poses:
            joint = view.highlight
            if joint is not None and joint < len(result.skeleton):
                paint_joint_label(painter, pose, stage, joint, result, fit)
        self._paint_notes(painter, area, result, stage)

    def _paint_notes(self, painter: QPainter, area: QRectF, result: Result, stage: int) -> None:
        """What must not be overlooked: an early stage is shown, or the picture stands still."""
        notes = []
        if self._paused:
            notes.append("Paused")
        if result.stage_count and stage != result.stage_count - 1:
            notes.append(f"Stage {stage + 1} of {result.stage_count}")
        if result.stage_count and not result.poses:
            notes.append("Nobody in view" if result.skeleton.name == "body" else "Nothing found yet")
        x = area.left() + 12
        for note in notes:
            paint_chip(painter, QPointF(x, area.bottom() - 24), note, None, "left")
            x += painter.fontMetrics().horizontalAdvance(note) + 24

    def _paint_waiting(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        centre = QPointF(self.rect().center())
        painter.setPen(QPen(QColor("#4a5160"), 2.0))
        frame = QRectF(centre.x() - 34, centre.y() - 74, 68, 50)
        painter.drawRoundedRect(frame, 8, 8)
        painter.drawEllipse(frame.center(), 11, 11)
        painter.drawEllipse(frame.center(), 4, 4)
        title = QFont(self.font())
        title.setPointSizeF(title.pointSizeF() * 1.25)
        painter.setFont(title)
        painter.setPen(QColor("#d5d9e0"))
        width = max(100, self.width() - 40)
        centred = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(QRectF(20, centre.y() - 8, width, 60), centred, self._waiting)
        painter.setFont(self.font())
        painter.setPen(QColor("#8b93a1"))
        hint = "C  camera    ·    O  open a file    ·    D  demo    ·    ?  all keys"
        painter.drawText(QRectF(20, centre.y() + 32, width, 40), centred, hint)

    # -- the mouse --------------------------------------------------------------------------------

    def joint_at(self, at: QPointF) -> int:
        """The visible joint nearest to a place in the widget, or -1 if none is near."""
        result, fit = self._result, self.fit()
        if result is None or fit is None or not self._view.skeleton:
            return -1
        best, nearest = -1, _REACH
        stage = stage_index(result, self._view)
        for pose in result.poses:
            places = fit.to_widget(pose.stages[stage, :, :2])
            away = np.hypot(*(places - (at.x(), at.y())).T)
            away[~visible_joints(pose, stage, self._view, result.joint_threshold)] = np.inf
            joint = int(away.argmin())
            if away[joint] < nearest:
                best, nearest = joint, float(away[joint])
        return best

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Report the joint under the mouse."""
        self._hover(self.joint_at(event.position()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Report a click on a joint."""
        joint = self.joint_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and joint >= 0:
            self.joint_clicked.emit(joint)

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse is elsewhere."""
        self._hover(-1)

    def _hover(self, joint: int) -> None:
        if joint != self._hovered:
            self._hovered = joint
            self.setCursor(Qt.CursorShape.PointingHandCursor if joint >= 0 else Qt.CursorShape.ArrowCursor)
            self.joint_hovered.emit(joint)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the banner at the top."""
        self.banner.place()
