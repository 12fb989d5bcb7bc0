"""From Live's threads to Qt: signals without payload.

A frame never sits in Qt's event queue. The mailbox tells us only when it goes from empty to full, so
however long the GUI thread is busy, one notification waits and the newest result lies in the mailbox.
"""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, Signal


class Bridge(QObject):
    """Two cues for the GUI thread; connect them with queued connections to ``@Slot`` methods."""

    result_ready = Signal()
    events_ready = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open = True
        self._lock = threading.Lock()

    def on_result(self) -> None:
        """Called on the worker thread."""
        with self._lock:
            if self._open:
                self.result_ready.emit()

    def on_event(self) -> None:
        """Called on any thread."""
        with self._lock:
            if self._open:
                self.events_ready.emit()

    def close(self) -> None:
        """Emit nothing from now on: Qt may take this object apart."""
        with self._lock:
            self._open = False
