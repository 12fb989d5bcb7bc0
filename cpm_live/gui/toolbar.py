"""The toolbar: source, model, engine, what is painted, playing and keeping."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from cpm_live.capture.camera import Device
from cpm_live.drawing.view import View
from cpm_live.gui.engine_menu import EngineMenu
from cpm_live.gui.shortcuts import with_key
from cpm_live.gui.source_menu import SourceButton
from cpm_live.gui.widgets import IconButton, Segments

_OURS = ("body", "hand")
_ROOMY = 955
"""Pixels across from which the dividers have room."""
_LONGEST_NAME = 12
"""Letters of a model of somebody's own."""
_ALL = 795
"""From which there is room for every button."""
_TIGHT = 760
"""Below it what is pressed seldom, and has a key, makes room for the rest."""


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
        self._own, self._own_name = 0, ""
        self.engine = EngineMenu()
        self.mirror = self._button("mirror", "Mirror", "mirror", checkable=True)
        self.glow = self._button("glow", "Belief glow", "glow", checkable=True)
        self.boxes = self._button("boxes", "Boxes and track numbers", "boxes", checkable=True)
        self.hands = self._button("hand", "Body + hands", "body_hands", checkable=True)
        self.region = self._button("region", "Region: look for people inside a rectangle", "region", checkable=True)
        self.following = self._button("following", "Following: how many, how smooth, how sure", "following",
                                      checkable=True)  # fmt: skip
        self.pause = self._button("pause", "Pause", "pause")
        self.step = self._button("step", "One frame further", "step")
        self.step.setEnabled(False)
        self.snapshot = self._button("snapshot", "Snapshot", "snapshot")
        stages = QAction(with_key("All stages side by side", "snapshot_stages"), self.snapshot)
        stages.triggered.connect(lambda: self.action.emit("snapshot_stages"))
        self.snapshot.addAction(stages)
        self.record = self._button("record", "Record", "record", checkable=True, colour="#ffffff")
        self.record.setObjectName("record")
        self.send = self._button("send", "Send keypoints to another program (OSC)", "send", checkable=True)
        self.theme = self._button("moon", "Dark or light", "theme")
        self.help = self._button("help", "Keys", "help")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 6, 10, 6)
        row.setSpacing(3)
        row.addWidget(self.source, 12)
        self._dividers: list[QWidget] = []
        for widget in (
            None, self.model, self.hands, None, self.engine, None, self.region, self.following, None, self.mirror,
            self.glow, self.boxes, None, self.pause, self.step, None, self.snapshot, self.record, self.send,
        ):  # fmt: skip
            if widget is None:
                self._dividers.append(_divider())
                row.addWidget(self._dividers[-1], 0)
            else:
                row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.theme)
        row.addWidget(self.help)
        self.model.chosen.connect(self.model_chosen)
        self.engine.chosen.connect(self.engine_chosen)

    def _button(
        self, name: str, text: str, action: str, checkable: bool = False, colour: str | None = None
    ) -> IconButton:
        button = IconButton(name, with_key(text, action), checkable, colour)
        button.clicked.connect(lambda: self.action.emit(action))
        return button

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the dividers make room for what can be pressed, then the name of the source."""
        super().resizeEvent(event)
        self._make_room(event.size().width())

    def _make_room(self, width: int) -> None:
        # Without what the buttons of the user's own models take.
        width -= self._own
        roomy = width >= _ROOMY
        for divider in self._dividers:
            divider.setVisible(roomy)
        self.engine.set_narrow(not roomy)
        tight = width < _TIGHT
        for button in (self.boxes, self.theme, self.mirror):
            button.setHidden(tight)
        self.send.setHidden(width < _ALL)
        self.source.set_narrow(tight)
        self.source.setMinimumWidth(120 if roomy else 40 if tight else 84)

    def show_model(self, name: str) -> None:
        """Show which model is wanted: one of ours, or a person's own, which gets a button, too."""
        label = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        if name not in (*_OURS, self._own_name):
            # One button for models of their own, the newest's: for all that one may open there is no room.
            before = self.model.sizeHint().width()
            if self._own_name:
                self.model.withdraw(self._own_name)
            self.model.offer(name, label, f"{name}: your own model")
            self._own += self.model.sizeHint().width() - before
            self._own_name = name
        self.model.set_chosen(name)
        self._make_room(self.width())

    def set_view(self, view: View) -> None:
        """Follow the view."""
        self.mirror.setChecked(view.mirror)
        self.glow.setChecked(view.glow > 0)
        self.boxes.setChecked(view.boxes)

    def set_hands(self, on: bool, possible: bool) -> None:
        """Show whether hands are looked for beside bodies, and whether that makes sense with this model."""
        self.hands.setChecked(on and possible)
        self.hands.setEnabled(possible)

    def set_engine(self, name: str) -> None:
        """Show the wanted engine."""
        self.engine.set_engine(name)

    def set_playing(self, playing: bool) -> None:
        """Offer what is done with a picture, or not while there is no source."""
        for button in (self.region, self.pause, self.snapshot, self.record):
            button.setEnabled(playing)

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
