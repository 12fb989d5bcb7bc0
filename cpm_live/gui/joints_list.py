"""The list of joints: one widget that paints its rows."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from cpm_live.core.pose import Pose, Result
from cpm_live.core.skeleton import Skeleton
from cpm_live.drawing.view import View, stage_index

_ROW = 24
"""Height of a row, where the letters are not larger."""
_KEYS = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space)


class JointsList(QWidget):
    """Rows of checkbox, colour, name, stage-by-stage sparkline and belief bar.

    Signals:
        joint_clicked, joint_hovered (-1 for none), joint_toggled: joint indices.
    """

    joint_clicked = Signal(int)
    joint_hovered = Signal(int)
    joint_toggled = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        # Not by a click: Space and the arrows would then be its own, and no longer the window's.
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Joints")
        self.setAccessibleDescription("Up and down choose a joint, Space hides or shows it")
        self._skeleton: Skeleton | None = None
        self._result: Result | None = None
        self._view = View()
        self._hovered = -1

    @property
    def row_height(self) -> int:
        """Pixels; more for those who want large letters."""
        return max(_ROW, self.fontMetrics().height() + 6)

    def sizeHint(self) -> QSize:
        """All rows."""
        return QSize(230, self.row_height * (len(self._skeleton) if self._skeleton else 14))

    def minimumSizeHint(self) -> QSize:
        """All rows, but narrower."""
        return QSize(170, self.sizeHint().height())

    def set_skeleton(self, skeleton: Skeleton) -> None:
        """List another skeleton's joints."""
        if skeleton is not self._skeleton:
            self._skeleton, self._result = skeleton, None
            self.updateGeometry()
            self.update()

    def show_result(self, result: Result) -> None:
        """Follow a result."""
        self.set_skeleton(result.skeleton)
        self._result = result
        self.update()

    def clear_result(self) -> None:
        """Nobody is shown."""
        self._result = None
        self.update()

    def set_view(self, view: View) -> None:
        """Follow the view."""
        before, self._view = self._view, view
        if (before.joint, before.hidden, before.stage) != (view.joint, view.hidden, view.stage):
            self._name()
        self.update()

    def _name(self) -> None:
        """Tell screen readers which joint is chosen and what is believed of it: when it is, not with each frame."""
        joint, result = self._view.joint, self._result
        name = "Joints"
        if self._skeleton is not None and 0 <= joint < len(self._skeleton):
            state = "hidden" if joint in self._view.hidden else "shown"
            name = f"Joints: {self._skeleton.joints[joint].replace('_', ' ')}, {state}"
            if result is not None and result.poses:
                belief = result.poses[0].points(stage_index(result, self._view))[joint, 2]
                name += f", belief {belief:.2f}"
        self.setAccessibleName(name)

    def row(self, joint: int) -> QRectF:
        """Where a joint's row lies."""
        height = self.row_height
        return QRectF(0, joint * height, self.width(), height)

    def check_box(self, joint: int) -> QRectF:
        """Where a joint's checkbox lies."""
        return QRectF(10, self.row(joint).center().y() - 7, 14, 14)

    # -- painting ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows that need it."""
        if self._skeleton is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        result = self._result
        pose = result.poses[0] if result is not None and result.poses else None
        stage = stage_index(result, self._view) if result is not None else 0
        for joint in range(len(self._skeleton)):
            if event.rect().intersects(self.row(joint).toRect()):
                self._paint_row(painter, joint, pose, stage)

    def _paint_row(self, painter: QPainter, joint: int, pose: Pose | None, stage: int) -> None:
        assert self._skeleton is not None
        colours, row = self.palette(), self.row(joint)
        chosen, hidden = self._view.joint == joint, joint in self._view.hidden
        lit = joint in (self._hovered, self._view.highlight)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or lit:
            painter.setBrush(colours.color(QPalette.ColorRole.Midlight if chosen else QPalette.ColorRole.AlternateBase))
            painter.drawRoundedRect(row.adjusted(4, 1, -4, -1), 5, 5)
        if chosen:
            painter.setBrush(colours.color(QPalette.ColorRole.Highlight))
            painter.drawRoundedRect(QRectF(3, row.top() + 5, 3, row.height() - 10), 1.5, 1.5)
        self._paint_check(painter, self.check_box(joint), not hidden)
        muted = colours.color(QPalette.ColorRole.PlaceholderText)
        colour = QColor(*self._skeleton.colours[joint])
        painter.setOpacity(0.4 if hidden else 1.0)
        painter.setPen(QPen(colour.darker(150), 1))
        painter.setBrush(colour)
        painter.drawEllipse(QPointF(37, row.center().y()), 5, 5)
        bar_width = 56.0 if self.width() >= 220 else 40.0
        spark_width = 40.0 if self.width() >= 205 else 0.0
        value_width = QFontMetricsF(self.font()).horizontalAdvance("0.00") + 4
        bar = QRectF(self.width() - bar_width - value_width - 14, row.center().y() - 3, bar_width, 6)
        spark = QRectF(bar.left() - spark_width - 10, row.top() + 6, spark_width, row.height() - 12)
        name_room = (spark.left() if spark_width else bar.left()) - 48 - 6
        name = QFontMetricsF(self.font()).elidedText(
            self._skeleton.label(joint), Qt.TextElideMode.ElideRight, name_room
        )
        painter.setPen(colours.color(QPalette.ColorRole.Text))
        painter.drawText(QRectF(48, row.top(), name_room, row.height()), Qt.AlignmentFlag.AlignVCenter, name)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color(QPalette.ColorRole.Mid))
        painter.drawRoundedRect(bar, 3, 3)
        if pose is not None and joint < pose.stages.shape[1]:
            scores = pose.stages[:, joint, 2].tolist()
            score = scores[stage]
            painter.setBrush(_readable(colour, colours))
            painter.drawRoundedRect(QRectF(bar.left(), bar.top(), bar.width() * score, bar.height()), 3, 3)
            painter.setPen(muted)
            value = QRectF(bar.right() + 4, row.top(), value_width, row.height())
            painter.drawText(value, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{score:.2f}"[-4:])
            if spark_width and len(scores) > 1:
                _paint_spark(painter, spark, scores, stage, muted, _readable(colour, colours))
        painter.setOpacity(1.0)
        if self.hasFocus() and (chosen or (joint == 0 and self._view.joint < 0)):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color(QPalette.ColorRole.Highlight), 1))
            painter.drawRoundedRect(row.adjusted(4.5, 1.5, -4.5, -1.5), 5, 5)

    def _paint_check(self, painter: QPainter, box: QRectF, on: bool) -> None:
        colours = self.palette()
        muted = colours.color(QPalette.ColorRole.PlaceholderText)
        painter.setPen(QPen(muted, 1.2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.6, 0.6, -0.6, -0.6), 3.5, 3.5)
        if on:
            cap, join = Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
            painter.setPen(QPen(colours.color(QPalette.ColorRole.Text), 1.7, Qt.PenStyle.SolidLine, cap, join))
            points = [box.topLeft() + QPointF(x, y) for x, y in ((3.6, 7.2), (6.1, 9.8), (10.6, 4.4))]
            painter.drawPolyline(QPolygonF(points))

    # -- mouse and keys ---------------------------------------------------------------------------

    def _joint_at(self, at: QPointF) -> int:
        joint = int(at.y() // self.row_height)
        return joint if self._skeleton is not None and 0 <= joint < len(self._skeleton) else -1

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The checkbox hides, the rest of the row chooses."""
        joint = self._joint_at(event.position())
        if event.button() != Qt.MouseButton.LeftButton or joint < 0:
            return
        if event.position().x() < 29:
            self.joint_toggled.emit(joint)
        else:
            self.joint_clicked.emit(joint)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Highlight the joint of the row under the mouse."""
        self._hover(self._joint_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:
        """Highlight none."""
        self._hover(-1)

    def _hover(self, joint: int) -> None:
        if joint != self._hovered:
            self._hovered = joint
            self.joint_hovered.emit(joint)
            self.update()

    def event(self, event: QEvent) -> bool:
        """Keep our keys for ourselves while we have the focus (elsewhere Space pauses)."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in _KEYS:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down choose, Space hides."""
        if self._skeleton is None or event.key() not in _KEYS:
            super().keyPressEvent(event)
            return
        last = len(self._skeleton) - 1
        joint = self._view.joint
        match event.key():
            case Qt.Key.Key_Space:
                self.joint_toggled.emit(max(joint, 0))
            case Qt.Key.Key_Down:
                self.joint_clicked.emit(min(max(joint, -1) + 1, last))
            case Qt.Key.Key_Up:
                self.joint_clicked.emit(max(joint - 1, 0))
            case Qt.Key.Key_Home:
                self.joint_clicked.emit(0)
            case _:
                self.joint_clicked.emit(last)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus mark."""
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Hide the focus mark."""
        self.update()


def _readable(colour: QColor, palette: QPalette) -> QColor:
    """The joint's colour, darker on a light background."""
    light = palette.color(QPalette.ColorRole.Base).lightness() > 128
    return colour.darker(125) if light else colour


def _paint_spark(painter: QPainter, area: QRectF, scores: list[float], stage: int, line: QColor, dot: QColor) -> None:
    """The peak belief from stage to stage, the shown stage marked."""
    step = area.width() / (len(scores) - 1)
    points = [
        QPointF(area.left() + index * step, area.bottom() - min(1.0, max(0.0, score)) * area.height())
        for index, score in enumerate(scores)
    ]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(line, 1.2))
    painter.drawPolyline(QPolygonF(points))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(dot)
    painter.drawEllipse(points[min(stage, len(points) - 1)], 2.6, 2.6)
