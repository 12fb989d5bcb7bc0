"""Do something often enough, but not more often."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QElapsedTimer, QObject, QTimer, Slot


class Throttle(QObject):
    """Calls ``action`` at most every ``interval_ms``; the last request is never lost.

    Read-outs beside the picture follow at a dozen times a second, which the eye cannot tell from thirty
    and which leaves the cores to the network.
    """

    def __init__(self, interval_ms: int, action: Callable[[], None], parent: QObject) -> None:
        super().__init__(parent)
        self._interval, self._action = interval_ms, action
        self._since = QElapsedTimer()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.now)

    def request(self) -> None:
        """Act now if the last time is long enough ago, else when it is."""
        if not self._since.isValid() or self._since.elapsed() >= self._interval:
            self.now()
        elif not self._timer.isActive():
            self._timer.start(max(0, self._interval - self._since.elapsed()))

    @Slot()
    def now(self) -> None:
        """Act at once."""
        self._timer.stop()
        self._since.start()
        self._action()
