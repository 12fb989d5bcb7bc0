"""The picture alone: everything around it out of sight, for an audience."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from cpm_live.gui.awake import Awake
from cpm_live.gui.banner import Notice
from cpm_live.gui.picture import Picture
from cpm_live.gui.pointer import RestingPointer
from cpm_live.gui.shortcuts import key_for
from cpm_live.gui.widgets import give_focus_back


class Alone:
    """Hides what lies around the picture, and brings it back.

    Args:
        picture: its banner says how to bring the rest back.
        around: toolbar, panels, strip, status line and a film's bar.
    """

    def __init__(self, picture: Picture, *around: QWidget) -> None:
        self._banner, self._around = picture.banner, around
        self._pointer = RestingPointer(picture)
        self._awake = Awake(picture)
        self._on = False

    def toggle(self) -> None:
        """The picture alone, or everything again."""
        self._on = not self._on
        for widget in self._around:
            if self._on:
                give_focus_back(widget)
            widget.setVisible(not self._on)
        self._pointer.hide_it(self._on)
        self._awake.keep(self._on)
        if self._on:
            self._banner.show_notice(Notice("info", f"{key_for('alone')} or Esc shows the rest again.", 3))

    def leave(self) -> bool:
        """Bring everything back; whether it was away."""
        was = self._on
        if was:
            self.toggle()
        return was
