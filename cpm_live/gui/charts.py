"""The charts. This module alone imports pyqtgraph, and is itself imported after the first frame is shown."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QFont, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from cpm_live.core.skeleton import Skeleton
from cpm_live.drawing.view import View
from cpm_live.gui.charts_holder import BOTH
from cpm_live.gui.history import STEPS, History
from cpm_live.gui.widgets import ElidedLabel, IconButton, is_light

_STEP_COLOURS = {
    "age": "#a3acba", "engine": "#7c9cff", "hands": "#f078b8", "find": "#e3c94b", "crop": "#4bd38a",
    "decode": "#ff9f5a",
}  # fmt: skip
_STEP_NAMES = {"find": "finder"}
_INTERVAL_MS = 150
_ROUND = (5, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000)


class Charts(QWidget):
    """Belief of the chosen joints and duration of each step, over the last seconds; at most 10 Hz."""

    def __init__(self, history: History, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._history = history
        self._view = View()
        self._skeleton: Skeleton | None = None
        self._drawn: tuple[int, View] | None = None
        self._curves: list[pg.PlotDataItem] = []
        self.pause_button = IconButton("pause", "Pause the charts", checkable=True)
        self.pause_button.setFixedSize(26, 26)
        self.pause_button.toggled.connect(self._pause_toggled)
        self._belief_title, self._step_title = ElidedLabel(), QLabel()
        self._belief, self._steps = _plot("Belief over the last ten seconds"), _plot("Milliseconds per step")
        self._belief.setYRange(0, 1, padding=0.04)
        self._belief.getAxis("left").setTicks([[(0, "0"), (0.5, "0.5"), (1, "1")]])
        self._step_curves = [self._steps.plot() for _ in STEPS]
        heading = QLabel("Belief")
        heading.setObjectName("heading")
        self._belief_title.setObjectName("muted")
        top = QHBoxLayout()
        top.setContentsMargins(12, 6, 8, 0)
        top.setSpacing(8)
        top.addWidget(heading)
        top.addWidget(self._belief_title, 1)
        top.addWidget(self.pause_button)
        self._latency = QWidget()
        below = QVBoxLayout(self._latency)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        second = QHBoxLayout()
        second.setContentsMargins(12, 2, 8, 0)
        heading = QLabel("Latency, ms")
        heading.setObjectName("heading")
        second.addWidget(heading)
        second.addStretch(1)
        legend = QHBoxLayout()
        legend.setContentsMargins(12, 0, 8, 0)
        small = QFont(self.font())
        small.setPointSizeF(max(7.0, small.pointSizeF() * 0.88))
        self._step_title.setFont(small)
        self._step_title.setObjectName("muted")
        # As narrow as the panel: a long legend must not widen it, but takes a second line.
        self._step_title.setWordWrap(True)
        self._step_title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        legend.addWidget(self._step_title)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self._belief, 3)
        below.addLayout(second)
        below.addLayout(legend)
        below.addWidget(self._steps, 1)
        layout.addWidget(self._latency, 4)
        self._colour()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(_INTERVAL_MS)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where there is no room for two charts, the beliefs have it."""
        super().resizeEvent(event)
        self._latency.setVisible(event.size().height() >= BOTH)

    def set_view(self, view: View) -> None:
        """Follow the view."""
        self._view = view

    def set_skeleton(self, skeleton: Skeleton) -> None:
        """Chart another skeleton's joints."""
        if skeleton is self._skeleton:
            return
        self._skeleton = skeleton
        for curve in self._curves:
            self._belief.removeItem(curve)
        self._curves = [self._belief.plot(connect="finite") for _ in range(len(skeleton))]
        self._colour()

    @Slot(bool)
    def _pause_toggled(self, paused: bool) -> None:
        self.pause_button.set_icon_name("play" if paused else "pause")
        self.pause_button.set_tip("Let the charts go on" if paused else "Pause the charts")

    @Slot()
    def refresh(self) -> None:
        """Draw what is new."""
        state = (self._history.version, self._view)
        if self.pause_button.isChecked() or state == self._drawn or not self.isVisible():
            return
        self._drawn = state
        times, beliefs = self._history.times(), self._history.beliefs(self._view.stage)
        chosen = self._view.joint
        skeleton = self._skeleton
        if skeleton is not None and beliefs.shape[1] == len(skeleton):
            single = 0 <= chosen < len(skeleton)
            whose = skeleton.label(chosen) if single else "all joints"
            stage = f", stage {self._view.stage + 1}" if self._view.stage is not None else ""
            self._belief_title.set_text(f"{whose}{stage}, last 10 s")
            for joint, curve in enumerate(self._curves):
                shown = joint == chosen if single else joint not in self._view.hidden
                curve.setVisible(shown)
                if shown:
                    curve.setData(times, beliefs[:, joint], connect="finite")
        self._draw_steps(times)

    def _draw_steps(self, times: np.ndarray) -> None:
        steps = self._history.steps()
        words = []
        for index, (name, curve) in enumerate(zip(STEPS, self._step_curves, strict=True)):
            column = steps[:, index]
            # The finder runs now and then, and hands are looked at where that is wished.
            took = column[column > 0][-60:]
            curve.setVisible(len(took) > 0)
            if len(took):
                curve.setData(times, column, connect="finite")
                word = f"{_STEP_NAMES.get(name, name)}&nbsp;{_short(float(np.median(took)))}"
                words.append(f'<span style="color:{self._step_colour(name)}">●</span>&nbsp;{word}')
        self._step_title.setText(" &nbsp;".join(words))
        ages = steps[:, 0][np.isfinite(steps[:, 0])]
        top = float(np.percentile(ages, 98)) * 1.25 if len(ages) else 50.0
        top = max(10.0, top)
        self._steps.setYRange(0, top, padding=0.04)
        # Two labels: the plot is low, and more of them run into each other.
        round_top = next(step for step in _ROUND if step * 2 > top or step == _ROUND[-1])
        self._steps.getAxis("left").setTicks(
            [[(0, "0"), (round_top, f"{round_top // 1000} s" if round_top >= 1000 else str(round_top))]]
        )

    def _step_colour(self, name: str) -> str:
        colour = QColor(_STEP_COLOURS[name])
        return (colour.darker(140) if is_light(self.palette()) else colour).name()

    def _colour(self) -> None:
        palette = self.palette()
        light = is_light(palette)
        for plot in (self._belief, self._steps):
            plot.setBackground(palette.color(QPalette.ColorRole.Base))
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(palette.color(QPalette.ColorRole.Mid))
                axis.setTextPen(palette.color(QPalette.ColorRole.PlaceholderText))
        for joint, curve in enumerate(self._curves):
            assert self._skeleton is not None
            colour = QColor(*self._skeleton.colours[joint])
            curve.setPen(pg.mkPen(colour.darker(140) if light else colour, width=1))
        for name, curve in zip(STEPS, self._step_curves, strict=True):
            curve.setPen(pg.mkPen(self._step_colour(name), width=1))
        self._drawn = None

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_step_curves"):
            self._colour()


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.0f}" if milliseconds >= 10 else f"{milliseconds:.1f}"


def _plot(name: str) -> pg.PlotWidget:
    """A small plot that only shows: nothing to drag, no menu, no button."""
    plot = pg.PlotWidget()
    plot.setAccessibleName(name)
    plot.setFrameShape(QFrame.Shape.NoFrame)
    # There is nothing to do in it with keys.
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(False, False)
    plot.setMinimumHeight(64)
    plot.setXRange(-10, 0, padding=0)
    plot.setAntialiasing(True)
    small = QFont(plot.font())
    small.setPointSizeF(max(6.5, small.pointSizeF() * 0.82))
    for side in ("left", "bottom"):
        axis = plot.getAxis(side)
        axis.setTickFont(small)
        axis.setStyle(tickLength=-3, hideOverlappingLabels=False)
    plot.getAxis("left").setWidth(34)
    plot.getAxis("bottom").setTicks([[(-10, "-10 s"), (-5, "-5"), (0, "now")]])
    plot.getPlotItem().layout.setContentsMargins(6, 4, 14, 0)
    # The wheel and the mouse belong to whatever lies around the plot.
    plot.getViewBox().setMouseEnabled(False, False)
    return plot
