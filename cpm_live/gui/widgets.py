"""Small widgets that several others use."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSplitter,
    QToolButton,
    QWidget,
)

from cpm_live.gui.icons import Colours, colours, icon

_SLIDER_KEYS = (
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End,
    Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
)  # fmt: skip
BUTTON_KEYS = (Qt.Key.Key_Space, Qt.Key.Key_Select)


def keeps(event: QEvent, keys: tuple[Qt.Key, ...]) -> bool:
    """Whether a focused widget takes this key for itself, before the window's shortcuts do; accepts it then."""
    mine = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and event.key() in keys
    if mine:
        event.accept()
    return mine


def tip(text: str) -> str:
    """A tool tip that shows a text as it is. Of itself Qt takes what looks like HTML for HTML: a file, an address or a
    model of such a name would have it draw pictures from anywhere on the disk or the network, or read without end."""
    if "<" not in text and "&lt;" not in text:
        return text
    return f'<span style="white-space: pre-wrap">{escape(text)}</span>'


class Slider(QSlider):
    """A horizontal slider that the arrow keys move, also where the window has shortcuts on them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def event(self, event: QEvent) -> bool:
        """Keep the keys that move it."""
        return keeps(event, _SLIDER_KEYS) or super().event(event)


class PushButton(QPushButton):
    """A button with a text that the mouse does not focus, and that Space presses when Tab has."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def event(self, event: QEvent) -> bool:
        """Keep Space for ourselves."""
        return keeps(event, BUTTON_KEYS) or super().event(event)


class ToolButton(QToolButton):
    """A button that the mouse does not focus, and that Space presses when Tab has.

    The window's own Space shortcut (pause) would otherwise win over the focused button's.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def event(self, event: QEvent) -> bool:
        """Keep Space for ourselves."""
        return keeps(event, BUTTON_KEYS) or super().event(event)


class IconButton(ToolButton):
    """An icon with a tooltip; the icon follows the palette."""

    def __init__(self, name: str, what: str, checkable: bool = False, checked_colour: str | None = None) -> None:
        super().__init__()
        self._name, self._checked_colour = name, checked_colour
        self._loaded: tuple[str, Colours] | None = None
        self.setCheckable(checkable)
        self.setIconSize(QSize(20, 20))
        self.setFixedSize(32, 32)
        self.set_tip(what)
        self._load()

    def set_tip(self, what: str) -> None:
        """What it does and its key, also for screen readers."""
        self.setToolTip(tip(what))
        self.setAccessibleName(what)

    def set_icon_name(self, name: str) -> None:
        """Show another icon."""
        if name != self._name:
            self._name = name
            self._load()

    def _load(self) -> None:
        # Qt tells of a new palette several times in a row.
        wanted = (self._name, colours(self.palette(), self._checked_colour))
        if wanted != self._loaded:
            self._loaded = wanted
            self.setIcon(icon(*wanted))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._load()


class Segments(QFrame):
    """A row of buttons of which at most one is on.

    Args:
        choices: (key, label, tooltip) of each.

    Signals:
        chosen: the key that the person clicked.
    """

    chosen = Signal(str)

    def __init__(self, choices: Sequence[tuple[str, str, str]], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("segments")
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._buttons: dict[str, ToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        self._row = row
        for choice in choices:
            self.offer(*choice)

    def offer(self, key: str, label: str, about: str) -> None:
        """One more button, unless its key has one."""
        if key in self._buttons:
            return
        button = ToolButton()
        # An ampersand would be the mark of a key.
        button.setText(label.replace("&", "&&"))
        button.setToolTip(tip(about))
        button.setAccessibleName(f"{self.accessibleName()}: {label}")
        button.setCheckable(True)
        button.clicked.connect(lambda: self._press(key))
        self._buttons[key] = button
        self._row.addWidget(button)
        # Now: a layout leaves out what is not shown yet, and whoever makes room for it asks at once.
        button.show()

    def withdraw(self, key: str) -> None:
        """Take a button away."""
        button = self._buttons.pop(key)
        give_focus_back(button)
        self._row.removeWidget(button)
        button.hide()
        button.deleteLater()

    def set_chosen(self, key: str | None) -> None:
        """Show which is on; None for none of them."""
        for name, button in self._buttons.items():
            button.setChecked(name == key)

    def _press(self, key: str) -> None:
        # Not by a QButtonGroup, which would take the others out of reach of Tab.
        self.set_chosen(key)
        self.chosen.emit(key)

    def chosen_key(self) -> str | None:
        """Which is on."""
        return next((key for key, button in self._buttons.items() if button.isChecked()), None)


class ElidedLabel(QLabel):
    """A line that ends in an ellipsis where there is no room.

    Args:
        shrinks: it asks for the room of its whole text, and makes do with less; else it takes what is left.
    """

    def __init__(self, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight, shrinks: bool = False) -> None:
        super().__init__()
        self._full, self._mode, self._shrinks = "", mode, shrinks
        across = QSizePolicy.Policy.Preferred if shrinks else QSizePolicy.Policy.Ignored
        self.setSizePolicy(across, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(60 if shrinks else 0)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def set_text(self, text: str, about: str = "") -> None:
        """Show a line; the tool tip has all of it and what it is about."""
        if text != self._full:
            self._full = text
            self.setToolTip(tip(f"{text}\n{about}" if about else text))
            self.updateGeometry()
            self._fit()

    def sizeHint(self) -> QSize:
        """Room for the whole line."""
        usual = super().sizeHint()
        return QSize(self.fontMetrics().horizontalAdvance(self._full) + 4, usual.height()) if self._shrinks else usual

    def _fit(self) -> None:
        self.setText(self.fontMetrics().elidedText(self._full, self._mode, max(0, self.width() - 2)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit again."""
        super().resizeEvent(event)
        self._fit()


class Dot(QWidget):
    """A round light."""

    def __init__(self, colour: str) -> None:
        super().__init__()
        self.setFixedSize(10, 10)
        self.set_colour(colour)

    def set_colour(self, colour: str) -> None:
        """Its colour."""
        self.setStyleSheet(f"background: {colour}; border-radius: 5px;")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


def close_dialogs(window: QWidget) -> None:
    """Leave none behind a window that closes."""
    for dialog in window.findChildren(QDialog):
        dialog.close()


class Splitter(QSplitter):
    """Widgets side by side, or one below the other, that share their room as the person drags."""

    def __init__(self, orientation: Qt.Orientation, *widgets: QWidget) -> None:
        super().__init__(orientation)
        self.setHandleWidth(4)
        self.setChildrenCollapsible(False)
        for widget in widgets:
            self.addWidget(widget)


def muted(text: str) -> QLabel:
    """A quiet label."""
    label = QLabel(text)
    label.setObjectName("muted")
    return label


def is_light(palette: QPalette) -> bool:
    """Whether this palette has a light background."""
    return palette.color(QPalette.ColorRole.Base).lightness() > 128


def give_focus_back(hiding: QWidget) -> None:
    """Before a widget is hidden: what has the focus there gives it to the window.

    Else Qt gives it to the next button, which takes Space from the window.
    """
    focused = QApplication.focusWidget()
    if focused is not None and (focused is hiding or hiding.isAncestorOf(focused)):
        hiding.window().setFocus(Qt.FocusReason.OtherFocusReason)
