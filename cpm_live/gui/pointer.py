"""The mouse's pointer on a picture that is shown alone: out of sight while nobody moves it, as in players of films."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Slot

from cpm_live.gui.picture import Picture

REST_MS = 3000
"""So long it is seen after it was moved."""


class RestingPointer(QObject):
    """Hides the pointer, and what it names, once it rests; also one that was never moved, as where a machine has
    started by itself and left it in the middle of the screen."""

    def __init__(self, picture: Picture) -> None:
        super().__init__(picture)
        self._picture = picture
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._rest)

    def hide_it(self, on: bool) -> None:
        """From now on, or no longer."""
        if on:
            self._picture.installEventFilter(self)
            self._timer.start(REST_MS)
        else:
            self._picture.removeEventFilter(self)
            self._timer.stop()
            self._picture.unsetCursor()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Moved: the picture itself shows it."""
        if event.type() in (QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress):
            self._timer.start(REST_MS)
        return False

    @Slot()
    def _rest(self) -> None:
        if self._picture.region.armed or self._picture.region.dragging:
            self._timer.start(REST_MS)
        else:
            self._picture.rest_pointer()
