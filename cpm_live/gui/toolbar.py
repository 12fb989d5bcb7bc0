"""The toolbar: source, model, engine, what is painted, playing and keeping."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QWidget

from cpm_live.capture.camera import Device
from cpm_live.drawing.view import View
from cpm_live.engines.select import ENGINES
from cpm_live.gui.shortcuts import with_key
from cpm_live.gui.source_menu import SourceButton
from cpm_live.gui.widgets import IconButton, Segments

_ENGINE_NAMES = {"auto": "Auto", "cpu": "CPU", "torch": "PyTorch"}


def offered_engines() -> list[str]:
    """The engines that can run here (torch is only looked for, not imported)."""
    return [name for name in ENGINES if name != "torch" or importlib.util.find_spec("torch") is not None]


class Toolbar(QWidget):
    """Everything one can press, from left to right.

    Signals:
        model_chosen, engine_chosen: names.
        action: the name of an entry of ``shortcuts.SHORTCUTS``.
    """

    model_chosen = Signal(str)
    engine_chosen = Signal(str)
    action = Signal(str)

    def __init__(self, list_cameras: Callable[[], list[Device]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("toolbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.source = SourceButton(list_cameras)
        self.model = Segments(
            (
                ("body", "Body", with_key("Body: 14 joints", "body")),
                ("hand", "Hand", with_key("Hand: 21 joints", "hand")),
            ),
            "Model",
        )
        self.engine = QComboBox()
        self.engine.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.engine.setAccessibleName("Engine")
        self.engine.setToolTip("Engine: what runs the network")
        for name in offered_engines():
            self.engine.addItem(_ENGINE_NAMES.get(name, name), name)
        self.engine.setMinimumWidth(76)
        self.mirror = self._button("mirror", "Mirror", "mirror", checkable=True)
        self.glow = self._button("glow", "Belief glow", "glow", checkable=True)
        self.boxes = self._button("boxes", "Boxes and track numbers", "boxes", checkable=True)
        self.pause = self._button("pause", "Pause", "pause")
        self.step = self._button("step", "One frame further", "step")
        self.step.setEnabled(False)
        self.snapshot = self._button("snapshot", "Snapshot", "snapshot")
        self.record = self._button("record", "Record", "record", checkable=True, colour="#ffffff")
        self.record.setObjectName("record")
        self.theme = self._button("moon", "Dark or light", "theme")
        self.help = self._button("help", "Keys", "help")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(3)
        row.addWidget(self.source, 12)
        for widget in (
            None, self.model, None, self.engine, None, self.mirror, self.glow, self.boxes, None, self.pause, self.step,
            None, self.snapshot, self.record,
        ):  # fmt: skip
            if widget is None:
                row.addWidget(_divider(), 0)
            else:
                row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.theme)
        row.addWidget(self.help)
        self.model.chosen.connect(self.model_chosen)
        self.engine.activated.connect(lambda index: self.engine_chosen.emit(self.engine.itemData(index)))

    def _button(
        self, name: str, text: str, action: str, checkable: bool = False, colour: str | None = None
    ) -> IconButton:
        button = IconButton(name, with_key(text, action), checkable, colour)
        button.clicked.connect(lambda: self.action.emit(action))
        return button

    def set_view(self, view: View) -> None:
        """Follow the view."""
        self.mirror.setChecked(view.mirror)
        self.glow.setChecked(view.glow > 0)
        self.boxes.setChecked(view.boxes)

    def set_engine(self, name: str) -> None:
        """Show the wanted engine."""
        index = self.engine.findData(name)
        self.engine.setCurrentIndex(max(0, index))

    def set_paused(self, paused: bool) -> None:
        """Show whether the picture stands still."""
        self.pause.set_icon_name("play" if paused else "pause")
        self.pause.set_tip(with_key("Go on" if paused else "Pause", "pause"))
        self.step.setEnabled(paused)

    def set_recording(self, recording: bool) -> None:
        """Show whether a recording runs."""
        self.record.setChecked(recording)
        self.record.set_icon_name("stop" if recording else "record")
        self.record.set_tip(with_key("Stop recording" if recording else "Record", "record"))

    def set_theme(self, name: str) -> None:
        """Show what the theme button would switch to."""
        self.theme.set_icon_name("sun" if name == "dark" else "moon")


def _divider() -> QWidget:
    """A hairline with room around it."""
    holder = QWidget()
    line = QFrame(holder)
    line.setObjectName("divider")
    line.setFixedSize(1, 20)
    line.move(5, 0)
    holder.setFixedSize(11, 20)
    return holder
