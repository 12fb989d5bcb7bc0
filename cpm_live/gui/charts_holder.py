"""Keeps the charts' place, and their figures, until the charts are loaded."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from cpm_live.core.skeleton import Skeleton
from cpm_live.drawing.view import View
from cpm_live.gui.background import Job
from cpm_live.gui.history import History

if TYPE_CHECKING:
    from cpm_live.gui.charts import Charts


LEAST, BOTH = 96, 190
"""Pixels of height that the beliefs alone need, and both charts."""
_SLICE = 0.004
"""Seconds at a time that the GUI thread gives to making types: a quarter of a frame."""


class ChartsHolder(QWidget):
    """An empty card that becomes the charts after :meth:`load`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumHeight(LEAST)
        self.history = History()
        self.charts: Charts | None = None
        self._view = View()
        self._skeleton: Skeleton | None = None
        self._thread: threading.Thread | None = None
        self._types = _make_types()
        self._making = QTimer(self)
        self._making.timeout.connect(self._make_some)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def load(self) -> None:
        """Import the chart library on a thread of its own, then make the charts."""
        if self._thread is None and not self._making.isActive():
            self._making.start(0)

    def _make_some(self) -> None:
        """Make types for a while, between two frames; when all are made the import begins."""
        if not self.isEnabled():
            # The window is closing: nothing may begin that it would have to wait for.
            self._making.stop()
            return
        ends = time.perf_counter() + _SLICE
        for _ in self._types:
            if time.perf_counter() > ends:
                return
        self._making.stop()
        job = Job("import-charts", lambda: importlib.import_module("cpm_live.gui.charts"), self._loaded, self)
        self._thread = job.worker
        job.start()

    def threads(self) -> list[threading.Thread]:
        """What must have ended before the process may: an import cut off in the middle can crash."""
        return [self._thread] if self._thread is not None else []

    def _loaded(self, module: object) -> None:
        if not self.isEnabled():
            return
        if module is None:
            lines = QLabel("No charts: the chart library does not load; the log says why.")
            lines.setWordWrap(True)
            lines.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self._layout.addWidget(lines)
            return
        from cpm_live.gui.charts import Charts

        self.charts = Charts(self.history)
        self.charts.set_view(self._view)
        if self._skeleton is not None:
            self.charts.set_skeleton(self._skeleton)
        self._layout.addWidget(self.charts)

    def set_view(self, view: View) -> None:
        """Follow the view."""
        self._view = view
        if self.charts is not None:
            self.charts.set_view(view)

    def set_skeleton(self, skeleton: Skeleton) -> None:
        """Chart this skeleton's joints."""
        self._skeleton = skeleton
        if self.charts is not None:
            self.charts.set_skeleton(skeleton)


def _make_types() -> Iterator[None]:
    """Have PySide make all its types, one at each step, on the GUI thread.

    It makes each when it is first asked for, which two threads may not do at once: the chart library's import asks
    for every one of them, on its own thread, and has crashed the window in its first second.
    """
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)
            yield
