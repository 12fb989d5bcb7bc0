"""Models of a person's own, brought into the window: dropped on it, or chosen on the buttons of models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDir, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from cpm_live.engines.recipe import FOREIGN, KINDS
from cpm_live.gui.drops import Drops

OPEN = "Open a model of your own…"


class OwnModels:
    """Tells models from sources among what is dropped, and asks for one.

    Args:
        window: what things are dropped on.
        buttons: those of models; the right mouse button asks there.
        run: takes the path of a model.
        play: takes a source, as ``SourceRequest.text``.
    """

    def __init__(
        self, window: QWidget, buttons: QWidget, run: Callable[[str], None], play: Callable[[str], None]
    ) -> None:
        self._window, self._run, self._play = window, run, play
        self._folder = QDir.homePath()
        Drops(window).dropped.connect(self._dropped)
        action = QAction(OPEN, buttons)
        action.triggered.connect(self.ask)
        buttons.addAction(action)
        buttons.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def _dropped(self, text: str) -> None:
        model = "://" not in text and Path(text).suffix.lower() in (*KINDS, *FOREIGN)
        (self._run if model else self._play)(text)

    def ask(self) -> None:
        """Let the person choose a recipe or weights."""
        dialog = QFileDialog(self._window, "Open a model", self._folder)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([f"Models ({' '.join(f'*{kind}' for kind in KINDS)})", "All files (*)"])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._chosen)
        dialog.open()

    def _chosen(self, path: str) -> None:
        self._folder = str(Path(path).parent)
        self._run(path)
