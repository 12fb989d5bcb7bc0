"""Where snapshots and recordings go, and what lies beside these: asked for with the right mouse button on what makes
them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QDir, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget


def offer_folder(
    window: QWidget, buttons: tuple[QWidget, ...], current: Callable[[], str], chosen: Callable[[str], None]
) -> None:
    """Let a folder be chosen on these buttons.

    Args:
        current: the one that is used now; empty for the usual one.
        chosen: takes another one.
    """

    def ask() -> None:
        dialog = QFileDialog(window, "Save snapshots and recordings into", current() or QDir.homePath())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(chosen)
        dialog.open()

    for button in buttons:
        action = QAction("Save into another folder…", button)
        action.triggered.connect(ask)
        button.addAction(action)
        button.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)


def offer_keypoints(button: QWidget, wished: bool, chosen: Callable[[bool], None]) -> QAction:
    """Let it be chosen on this button whether recordings have their keypoints in a file beside them."""
    action = QAction("Keypoints beside the film (.jsonl)", button)
    action.setCheckable(True)
    action.setChecked(wished)
    action.toggled.connect(chosen)
    button.addAction(action)
    return action
