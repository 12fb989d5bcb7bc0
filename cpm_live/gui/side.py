"""The side: joints above charts, and what gives way where the window is low."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent

from cpm_live.gui.charts_holder import BOTH, LEAST, ChartsHolder
from cpm_live.gui.joints_panel import JointsPanel
from cpm_live.gui.widgets import Splitter

_JOINTS = 60
"""Pixels for joints, beyond the least, before the second chart gets its own."""


class Side(Splitter):
    """Shares its height as the person drags; in a low window the charts make room for the joints."""

    def __init__(self, joints: JointsPanel, charts: ChartsHolder) -> None:
        super().__init__(Qt.Orientation.Vertical, joints, charts)
        self._joints, self._charts = joints, charts
        self.setStretchFactor(0, 3)
        self.setStretchFactor(1, 2)
        self.setSizes([396, 206])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Two charts, one, or none."""
        super().resizeEvent(event)
        room = event.size().height() - self.handleWidth() - self._joints.minimumSizeHint().height()
        self._charts.setVisible(room >= LEAST)
        self._charts.setMinimumHeight(BOTH if room >= BOTH + _JOINTS else LEAST)
