"""Files and addresses dropped on the window."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget


class Drops(QObject):
    """Takes what is dropped on a widget.

    Signals:
        dropped: a path or an address, as ``SourceRequest.text``; of several files the first.
    """

    dropped = Signal(str)

    def __init__(self, onto: QWidget) -> None:
        super().__init__(onto)
        onto.setAcceptDrops(True)
        onto.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Accept what has an address."""
        if event.type() in (QEvent.Type.DragEnter, QEvent.Type.Drop) and isinstance(event, QDropEvent):
            urls = event.mimeData().urls()
            if urls:
                # Not what is proposed: with Shift that is a move, and Explorer deletes what was moved.
                event.setDropAction(Qt.DropAction.CopyAction)
                event.accept()
                if event.type() == QEvent.Type.Drop:
                    self.dropped.emit(urls[0].toLocalFile() or urls[0].toString())
                return True
        return super().eventFilter(watched, event)
