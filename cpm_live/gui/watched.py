"""Whether anything of a window can be seen: minimised, or on another desktop, nothing can."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QWidget


class Watched(QObject):
    """Tells whenever the system begins or ceases to show a window; where it does not, Qt paints nothing either.

    Args:
        tell: takes whether it is shown.
    """

    def __init__(self, window: QWidget, tell: Callable[[bool], None]) -> None:
        super().__init__(window)
        self._tell = tell
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Listen; to the system's window as soon as there is one."""
        if event.type() == QEvent.Type.Expose and isinstance(watched, QWindow):
            self._tell(watched.isExposed())
        elif event.type() == QEvent.Type.WinIdChange and isinstance(watched, QWidget):
            handle = watched.windowHandle()
            if handle is not None:
                handle.installEventFilter(self)
        return super().eventFilter(watched, event)
