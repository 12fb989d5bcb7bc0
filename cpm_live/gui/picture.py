"""The picture: frame, belief glow, skeletons, boxes, region, at any window size."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QMouseEvent, QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cpm_live.core.crop import Crop
from cpm_live.core.pose import Pose, Result
from cpm_live.drawing.finder import early_stage, finder_found, finder_map, finder_stage, map_title
from cpm_live.drawing.people import person_colour
from cpm_live.drawing.view import View, hand_view, joint_marks, shown_map, stage_index
from cpm_live.gui.banner import Banner
from cpm_live.gui.figure_painter import paint_chip, paint_figure, paint_joint_label
from cpm_live.gui.geometry import Fit
from cpm_live.gui.images import glow_array, glow_image
from cpm_live.gui.people_painter import box_area, paint_box, paint_chosen, paint_found, paint_lock
from cpm_live.gui.region import RegionTool, paint_region
from cpm_live.gui.signs import no_picture, paint_scale, paint_waiting
from cpm_live.gui.still import StillFrame, frame_area, into_frame
from cpm_live.gui.strip_content import nobody
from cpm_live.gui.theme import PICTURE_BACKGROUND

_REACH = 16.0
"""Widget pixels from a joint within which the mouse means it."""
_QUIET_S = 2.0
"""After so long without a picture it says so: one that stands still looks live."""
_GONE_S = 20
"""After so long without a picture whoever was in the last one may have gone, and is no longer shown to others."""
DRAW_HINT = "Drag a rectangle: people are looked for inside it only. Esc leaves it."


class Picture(QWidget):
    """Paints results; reports what the mouse does to joints, people and the region.

    Signals:
        first_painted: once, when the first frame is on the screen.
        joint_hovered: the joint under the mouse, or -1.
        joint_clicked: the joint clicked on.
        person_clicked: the track number of the person clicked on.
        pointed_at: double click: a track number, or a place (x, y) in frame pixels where nobody is.
        region_drawn: the region of interest was drawn or changed with the mouse.
        menu_asked: a context menu, at a place on the screen, over a track number or None.
    """

    first_painted = Signal()
    joint_hovered = Signal(int)
    joint_clicked = Signal(int)
    person_clicked = Signal(int)
    pointed_at = Signal(object)
    region_drawn = Signal(object)
    menu_asked = Signal(object, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 180)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Picture with skeleton and belief map")
        self.banner = Banner(self)
        self.region = RegionTool()
        self._painting_ms: deque[float] = deque(maxlen=100)
        self._result: Result | None = None
        self._view = View()
        self._painted = False
        self._paused, self._quiet, self._live, self._frame = False, 0, False, StillFrame()
        self._hovered = -1
        self._mouse: QPointF | None = None
        self._chosen: int | None = None
        self._locking = False
        self._notes: tuple[str, ...] = ()
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
        if self._mouse is not None and not self.region.dragging:
            self._hover(self._mouse)
        self.update()

    def set_view(self, view: View) -> None:
        """Show the same result otherwise."""
        if view != self._view:
            self._view = view
            self.update()

    def set_people(self, chosen: int | None, locking: bool, notes: tuple[str, ...]) -> None:
        """Mark the person whose joints the panels show (where there are several), and say more at the bottom.

        Args:
            locking: whether who is locked is marked.
        """
        if (chosen, locking, notes) != (self._chosen, self._locking, self._notes):
            self._chosen, self._locking, self._notes = chosen, locking, notes
            self.update()

    def arm_region(self, on: bool) -> None:
        """The next drag draws a region, or no longer."""
        self.region.armed = on
        self.region.cancel_drag()
        self.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)
        self.update()

    def set_paused(self, paused: bool) -> None:
        """Say on the picture that it stands still."""
        self._paused = paused
        self.update()

    def set_quiet(self, seconds: float, live: bool = False) -> None:
        """Say that the source has given no picture for so long, once that is long. Of a live one (camera, stream) the
        last picture is taken away after a while."""
        quiet = int(seconds) if seconds >= _QUIET_S else 0
        if (quiet, live) != (self._quiet, self._live):
            self._quiet, self._live = quiet, live
            self.update()

    @property
    def gone(self) -> bool:
        """Whether the last picture was taken away."""
        return self._live and self._quiet >= _GONE_S

    def clear(self, waiting: str) -> None:
        """Show no frame but a line saying why."""
        self._result, self._waiting = None, waiting
        self._let_go()
        self.update()

    def fit(self) -> Fit | None:
        """Where the frame lies; None without one that can be seen."""
        if self._result is None or self.gone:
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

    @property
    def paint_ms(self) -> float:
        """What painting the picture takes: median of the last hundred times."""
        return float(np.median(self._painting_ms)) if self._painting_ms else 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint everything."""
        started = time.perf_counter()
        painter = QPainter(self)
        painter.fillRect(self.rect(), PICTURE_BACKGROUND)
        result, fit = self._result, self.fit()
        if result is None or fit is None:
            paint_waiting(painter, self.rect(), self._waiting if result is None else no_picture(self._quiet))
        else:
            self._paint_result(painter, result, fit)
        painter.end()
        self._painting_ms.append((time.perf_counter() - started) * 1e3)
        if result is not None and not self._painted:
            self._painted = True
            self.first_painted.emit()

    def _paint_result(self, painter: QPainter, result: Result, fit: Fit) -> None:
        view = self._view
        area = frame_area(fit)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._frame.paint(painter, result.frame, fit, self.size(), self.devicePixelRatioF())
        stage = stage_index(result, view)
        layers = [(result, view)]
        hands = result.of_hands()
        if hands is not None:
            layers.append((hands, hand_view(view)))
        into_frame(painter, fit)
        glows = view.glow > 0 and self._paint_maps(painter, layers)
        painter.restore()
        region = self.region.shown(fit)
        if region is not None:
            paint_region(painter, region, fit, area, self.palette().color(QPalette.ColorRole.Highlight))
        for shown, how in layers:
            for pose in shown.poses:
                tint = person_colour(shown, pose)
                if how.skeleton:
                    paint_figure(painter, pose, stage_index(shown, how), shown, how, fit, tint)
                # The lock has a box and a name of its own.
                if how.boxes and not (self._locking and shown is result and pose.id == result.locked):
                    paint_box(painter, pose, fit, tint)
        for pose in result.poses:
            if self._locking and pose.id == result.locked:
                paint_lock(painter, pose, fit)
            elif pose.id == self._chosen and len(result.poses) > 1:
                paint_chosen(painter, pose, fit)
            joint = view.highlight
            if joint is not None and joint < len(result.skeleton):
                paint_joint_label(painter, pose, stage, joint, result, fit)
        if result.finder is not None:
            seen = finder_found(result.finder, finder_stage(result.finder, view), view.joint)
            paint_found(painter, seen, fit)
        right = paint_scale(painter, area, view.glow, map_title(result, view)) if glows else area.right()
        self._paint_notes(painter, area, result, right)

    def _paint_maps(self, painter: QPainter, layers: list[tuple[Result, View]]) -> bool:
        """Belief maps; the painter's units are frame pixels. Whether there are any."""
        maps: list[tuple[np.ndarray | None, Crop]] = []
        for shown, how in layers:
            if shown.finder is not None:
                chosen = finder_map(shown.finder, finder_stage(shown.finder, how), how.joint)
                maps.append((chosen, shown.finder.crop))
            maps += [(shown_map(pose, stage_index(shown, how), how.joint), pose.crop) for pose in shown.poses]
        for belief, crop in maps:
            if belief is not None:
                colours = glow_array(belief, self._view.glow)
                painter.drawImage(QRectF(*crop.map_box(len(belief))), glow_image(colours))
        return any(belief is not None for belief, _ in maps)

    def _paint_notes(self, painter: QPainter, area: QRectF, result: Result, right: float) -> None:
        """What must not be overlooked, left of ``right``: an early stage is shown, or the picture stands still."""
        notes = []
        if self._paused:
            notes.append("Paused")
        elif self._quiet:
            notes.append(no_picture(self._quiet))
        if note := early_stage(result, self._view):
            notes.append(note)
        if result.stage_count and not result.poses:
            notes.append(nobody(result, "in the region" if self.region.region else "in view").capitalize())
        notes += self._notes
        if self.region.armed and not self.region.dragging:
            notes = [DRAW_HINT]
        x, y = area.left() + 12, area.bottom() - 24
        for note in notes:
            width = painter.fontMetrics().horizontalAdvance(note) + 24
            if x + width > right and (x > area.left() + 12 or right < area.right()):
                # Above the scale there is room again.
                x, y, right = area.left() + 12, y - 30, area.right()
            paint_chip(painter, QPointF(x, y), note, None, "left")
            x += width

    # -- the mouse --------------------------------------------------------------------------------

    def joint_at(self, at: QPointF) -> int:
        """The visible joint nearest to a place in the widget, or -1 if none is near."""
        return self._joint_of(at)[1]

    def _joint_of(self, at: QPointF) -> tuple[Pose | None, int]:
        result, fit = self._result, self.fit()
        best: tuple[Pose | None, int] = (None, -1)
        if result is None or fit is None or not self._view.skeleton:
            return best
        nearest = _REACH
        stage = stage_index(result, self._view)
        for pose in result.poses:
            away = np.hypot(*(fit.to_widget(pose.points(stage)[:, :2]) - (at.x(), at.y())).T)
            away[joint_marks(pose, stage, self._view, result) == 0] = np.inf
            joint = int(away.argmin())
            if away[joint] < nearest:
                best, nearest = (pose, joint), float(away[joint])
        return best

    def person_at(self, at: QPointF) -> int | None:
        """The track number of the person at a place in the widget: whose joint is near, else the nearest box."""
        result, fit = self._result, self.fit()
        if result is None or fit is None:
            return None
        pose, _ = self._joint_of(at)
        if pose is not None:
            return pose.id
        there = [(box_area(pose.box, fit), pose.id) for pose in result.poses]
        there = [(area, name) for area, name in there if area.adjusted(-8, -8, 8, 8).contains(at)]

        def away(area: QRectF) -> float:
            gap = at - area.center()
            return float(np.hypot(gap.x() / max(area.width(), 1.0), gap.y() / max(area.height(), 1.0)))

        return min(there, key=lambda item: away(item[0]))[1] if there else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Report the joint under the mouse, or draw the region."""
        at, fit = event.position(), self.fit()
        if self.region.dragging and not event.buttons() & Qt.MouseButton.LeftButton:
            # A menu or a dialog has had the release.
            self._let_go()
        if fit is not None and self.region.dragging:
            self.region.move(at, fit)
            self.update()
            return
        self._mouse = at
        self._hover(at)

    def _hover(self, at: QPointF) -> None:
        """Report the joint at a place, which people move into and out of, too."""
        fit = self.fit()
        cursor = self.region.cursor(at, fit) if fit is not None else None
        joint = self.joint_at(at) if cursor is None else -1
        if joint != self._hovered:
            self._hovered = joint
            self.joint_hovered.emit(joint)
        usual = Qt.CursorShape.PointingHandCursor if joint >= 0 else Qt.CursorShape.ArrowCursor
        self.setCursor(usual if cursor is None else cursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the region, or report a click on a joint and a person."""
        at, fit = event.position(), self.fit()
        if event.button() != Qt.MouseButton.LeftButton or fit is None:
            return
        if self.region.press(at, fit, bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)):
            self.update()
            return
        joint, person = self.joint_at(at), self.person_at(at)
        if person is not None:
            self.person_clicked.emit(person)
        if joint >= 0:
            self.joint_clicked.emit(joint)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The region is drawn."""
        fit = self.fit()
        if fit is None:
            self._let_go()
        elif event.button() == Qt.MouseButton.LeftButton and self.region.dragging:
            drawn = self.region.release(fit)
            if drawn is not None:
                self.setCursor(Qt.CursorShape.ArrowCursor)
                self.region_drawn.emit(drawn)
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Report who is pointed at, or where."""
        fit = self.fit()
        if event.button() != Qt.MouseButton.LeftButton or fit is None or self.region.armed:
            return
        at = event.position()
        person = self.person_at(at)
        x, y = self.widget_to_frame(at)
        if person is not None:
            self.pointed_at.emit(person)
        elif 0 <= x < fit.width and 0 <= y < fit.height:
            self.pointed_at.emit((x, y))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for a menu about what lies here."""
        self._let_go()
        self.menu_asked.emit(event.globalPos(), self.person_at(QPointF(event.pos())))

    def _let_go(self) -> None:
        """Of a region that was being drawn: it stays as it was."""
        if self.region.dragging:
            self.region.cancel_drag()
            self.update()

    def rest_pointer(self) -> None:
        """Hide the pointer until it is moved; nothing is under it."""
        self.setCursor(Qt.CursorShape.BlankCursor)
        self._unhover()

    def leaveEvent(self, event: QEvent) -> None:
        """The mouse is elsewhere."""
        self._unhover()

    def _unhover(self) -> None:
        self._mouse = None
        if self._hovered >= 0:
            self._hovered = -1
            self.joint_hovered.emit(-1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the banner at the top."""
        self.banner.place()
