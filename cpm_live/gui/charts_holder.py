"""Keeps the charts' place, and their figures, until the charts are loaded."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from cpm_live.core.skeleton import Skeleton
from cpm_live.drawing.view import View
from cpm_live.gui.background import Job
from cpm_live.gui.history import History

if TYPE_CHECKING:
    from cpm_live.gui.charts import Charts


class ChartsHolder(QWidget):
    """An empty card that becomes the charts after :meth:`load`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumHeight(190)
        self.history = History()
        self.charts: Charts | None = None
        self._view = View()
        self._skeleton: Skeleton | None = None
        self._thread: threading.Thread | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def load(self) -> None:
        """Import the chart library on a thread of its own, then make the charts."""
        if self._thread is None:
            _make_types()
            job = Job("import-charts", lambda: importlib.import_module("cpm_live.gui.charts"), self._loaded, self)
            self._thread = job.worker
            job.start()

    def threads(self) -> list[threading.Thread]:
        """What must have ended before the process may: an import cut off in the middle can crash."""
        return [self._thread] if self._thread is not None else []

    def _loaded(self, module: object) -> None:
        if module is None or not self.isEnabled():
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


def _make_types() -> None:
    """Have PySide make all its types now, on the GUI thread.

    It makes each when it is first asked for, which two threads may not do at once: the chart library's import asks
    for every one of them, on its own thread, and has crashed the window in its first second.
    """
    for module in (QtCore, QtGui, QtWidgets):
        for name in dir(module):
            getattr(module, name)
