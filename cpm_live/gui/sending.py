"""Keypoints for other programs, as the window handles them: button, address, and what the status line says."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QInputDialog

from cpm_live.core.address import osc_shown
from cpm_live.core.errors import InputError
from cpm_live.gui.banner import Notice, sentence
from cpm_live.gui.session import Session
from cpm_live.gui.status import StatusLine
from cpm_live.gui.toolbar import Toolbar


class Sending(QObject):
    """Between the toolbar's button and :meth:`Live.start_sending`.

    Args:
        address: where to, at first.
    """

    def __init__(self, session: Session, toolbar: Toolbar, status: StatusLine, address: str, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._button, self._status = session, toolbar.send, status
        self.address = self.known = address
        """Where keypoints go, or will, and the last such place that could be found, which is remembered."""
        action = QAction("Send to another address…", self._button)
        action.triggered.connect(self.ask)
        self._button.addAction(action)
        self._button.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def toggle(self) -> None:
        """Begin or end."""
        if self._session.live.sending is not None:
            self._stop()
            self.refresh()
        else:
            self.start(self.address)

    def start(self, address: str) -> None:
        """Send to this address from now on."""
        try:
            address = osc_shown(address)
            self._session.live.start_sending(address)
        except InputError as error:
            self._session.notice.emit(Notice("error", sentence(str(error))))
        else:
            self.address = address
            self._session.notice.emit(Notice("info", f"Keypoints go to {self.address} (OSC).", 5))
        self.refresh()

    def ask(self) -> None:
        """Let the person type where to."""
        dialog = QInputDialog(self._button.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Send keypoints (OSC)")
        dialog.setLabelText("Address and port of the program that listens")
        dialog.setTextValue(self.address)
        dialog.resize(400, dialog.sizeHint().height())
        dialog.textValueSelected.connect(self.start)
        dialog.open()

    def refresh(self) -> None:
        """Show what became of it; a few times a second."""
        sender = self._session.live.sending
        self._note()
        if sender is not None and sender.failed:
            self._stop()
            self._session.notice.emit(Notice("error", sentence(sender.problem)))
            sender = None
        self._button.setChecked(sender is not None)
        self._status.show_sending(sender.address if sender is not None else "", sender.problem if sender else "")

    def _note(self) -> None:
        sender = self._session.live.sending
        if sender is not None and sender.found:
            self.known = self.address

    def _stop(self) -> None:
        self._note()
        self._session.live.stop_sending()
        self.address = self.known
