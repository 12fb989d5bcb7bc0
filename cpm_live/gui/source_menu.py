"""The source button: cameras by name, files, folders, streams, the demo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDir, QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QFileDialog, QInputDialog, QMenu, QSizePolicy, QToolButton, QWidget

from cpm_live.capture.base import SourceInfo
from cpm_live.capture.camera import Device
from cpm_live.capture.images import SUFFIXES
from cpm_live.capture.resolution import OFFERED, USUAL, Resolution
from cpm_live.core.address import without_password
from cpm_live.gui.background import in_background
from cpm_live.gui.icons import colours, icon
from cpm_live.gui.shortcuts import key_for, with_key
from cpm_live.gui.widgets import ToolButton, tip

_KIND_ICONS = {"camera": "camera", "video": "video", "image": "image", "folder": "folder", "stream": "stream"}
_VIDEOS = "*.mp4 *.mkv *.mov *.avi *.webm *.m4v *.mpg *.mpeg *.ts"


class SourceButton(ToolButton):
    """Shows what is playing; its menu offers what else could.

    Signals:
        source_chosen: as ``SourceRequest.text``.
        size_chosen: the resolution to ask cameras for, width and height.
    """

    source_chosen = Signal(str)
    size_chosen = Signal(tuple)

    def __init__(self, list_cameras: Callable[[], list[Device]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("source")
        self._list_cameras = list_cameras
        self._label, self._kind, self._current = "Source", "demo", ""
        self._cameras: list[Device] | None = None
        self._of_cameras: list[QAction] = []
        self._asking = False
        self._size: Resolution = USUAL
        self._fitted: object = None
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setIconSize(QSize(18, 18))
        self.setMinimumWidth(120)
        self.setMaximumWidth(260)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Source")
        self.setMenu(QMenu(self))
        self.menu().aboutToShow.connect(self._about_to_show)

    def sizeHint(self) -> QSize:
        """Room for a camera's name."""
        return QSize(200, 32)

    def set_narrow(self, narrow: bool) -> None:
        """Show the icon alone; the name is in the tool tip."""
        style = Qt.ToolButtonStyle
        self.setToolButtonStyle(style.ToolButtonIconOnly if narrow else style.ToolButtonTextBesideIcon)

    def show_source(self, text: str, info: SourceInfo | None) -> None:
        """Show which source plays (or is being opened, while ``info`` is None)."""
        self._current = text
        if info is not None:
            self._label, self._kind = info.label, info.kind
        else:
            self._label, self._kind = ("Opening…", self._kind)
        # What a camera gives need not be what it was asked for.
        size = f", {_shown(info.width, info.height)}" if info is not None and info.width else ""
        self.setToolTip(tip(f"Source: {self._label}{size}"))
        self._fit()

    def show_none(self, text: str) -> None:
        """Show that a source failed."""
        self._current, self._label = text, "No source"
        self.setToolTip(tip(f"Source: {without_password(text)} cannot be shown"))
        self._fit()

    def set_size(self, size: Resolution) -> None:
        """Show which resolution cameras are asked for."""
        self._size = size

    def _fit(self) -> None:
        state = (self._kind, self._label, self.width(), colours(self.palette()))
        if state == self._fitted:
            return
        self._fitted = state
        self.setIcon(icon(_KIND_ICONS.get(self._kind, "demo"), colours(self.palette())))
        room = max(40, self.width() - 62)
        label = self.fontMetrics().elidedText(self._label, Qt.TextElideMode.ElideRight, room)
        self.setText(f" {_literal(label)}  ▾")

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the name."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._fit()

    # -- the menu ---------------------------------------------------------------------------------

    def _about_to_show(self) -> None:
        self._fill()
        if not self._asking:
            self._asking = True
            in_background("list-cameras", self._list_cameras, self._listed, self)

    def _listed(self, cameras: list[Device] | None) -> None:
        self._asking = False
        if cameras != self._cameras:
            self._cameras = cameras or []
            self._fill_cameras()

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        self._of_cameras = []
        self._ask(f"Video or picture file…\t{key_for('open_file')}", "video", self.ask_file)
        self._ask("Folder of pictures…", "folder", self.ask_folder)
        self._ask("Stream address…", "stream", self.ask_stream)
        menu.addSeparator()
        self._add(f"Built-in demo\t{key_for('demo')}", "demo", "demo")
        menu.addSeparator()
        self._fill_sizes(menu.addMenu("Camera resolution"))
        self._fill_cameras()

    def _fill_sizes(self, menu: QMenu) -> None:
        group = QActionGroup(menu)
        for size in sorted({*OFFERED, self._size}):
            action = menu.addAction(_shown(*size))
            action.setCheckable(True)
            action.setChecked(size == self._size)
            action.setActionGroup(group)
            action.triggered.connect(lambda _on, size=size: self.size_chosen.emit(size))

    def _fill_cameras(self) -> None:
        """Last in the menu: the list comes while it is open, and must not move what somebody is about to click."""
        menu = self.menu()
        for action in self._of_cameras:
            menu.removeAction(action)
            action.deleteLater()
        self._of_cameras = []
        for camera in self._cameras or []:
            action = self._add(camera.name, "camera", f"camera:{camera.index}")
            if camera.index == 0:
                action.setText(f"{_literal(camera.name)}\t{key_for('camera')}")
            self._of_cameras.append(action)
        if not self._of_cameras:
            action = menu.addAction("Looking for cameras…" if self._cameras is None else "No camera found")
            action.setEnabled(False)
            self._of_cameras = [action]

    def _add(self, label: str, kind: str, text: str) -> QAction:
        action = self.menu().addAction(icon(kind, colours(self.palette())), _literal(label))
        action.setCheckable(False)
        action.triggered.connect(lambda: self.source_chosen.emit(text))
        return action

    def _ask(self, label: str, kind: str, ask: Callable[[], None]) -> None:
        self.menu().addAction(icon(kind, colours(self.palette())), label).triggered.connect(ask)

    # -- questions; none of them stops the picture --------------------------------------------------

    def ask_file(self) -> None:
        """Let the person choose a video or picture."""
        pictures = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        filters = [f"Videos and pictures ({_VIDEOS} {pictures})", f"Videos ({_VIDEOS})", f"Pictures ({pictures})",
                   "All files (*)"]  # fmt: skip
        dialog = QFileDialog(self.window(), with_key("Open a video or picture", "open_file"), self._folder())
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(filters)
        self._open(dialog)

    def ask_folder(self) -> None:
        """Let the person choose a folder of pictures."""
        dialog = QFileDialog(self.window(), "Open a folder of pictures", self._folder())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._open(dialog)

    def _open(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.source_chosen)
        dialog.open()

    def _folder(self) -> str:
        current = Path(self._current)
        try:
            there = bool(self._current) and "://" not in self._current and current.exists()
        except OSError:
            there = False  # in a folder that may not be entered
        return str(current.parent if there else QDir.homePath())

    def ask_stream(self) -> None:
        """Let the person type a stream's address."""
        dialog = QInputDialog(self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle("Open a stream")
        dialog.setLabelText("Address (rtsp://, http://, udp:// …)")
        dialog.setTextValue(self._current if "://" in self._current else "rtsp://")
        dialog.resize(460, dialog.sizeHint().height())
        dialog.textValueSelected.connect(self._stream_typed)
        dialog.open()

    def _stream_typed(self, text: str) -> None:
        if text.strip():
            self.source_chosen.emit(text.strip())


def _shown(width: int, height: int) -> str:
    return f"{width} × {height}"


def _literal(text: str) -> str:
    """A text in which & does not make a key of the letter after it."""
    return text.replace("&", "&&")
