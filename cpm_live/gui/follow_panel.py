"""The panel "Following": how many people, how smooth, how sure, and with hands or without."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from cpm_live.engines.recipe import Recipe
from cpm_live.gui.follow_state import SMOOTHING
from cpm_live.gui.shortcuts import with_key
from cpm_live.gui.widgets import PushButton, Segments, Slider, give_focus_back, muted
from cpm_live.pipeline.options import MOST_PEOPLE, Options

_STEPS = 100


class _Row:
    """A named slider with its value beside it; ``low`` to ``high`` in ``steps``."""

    def __init__(self, name: str, tip: str, low: float, high: float, steps: int, ends: tuple[str, str]) -> None:
        # Screen readers read the slider's own whole number out: it is that of people, or hundredths.
        self._per = 1 if high > 1 else _STEPS
        self._step = round((high - low) * self._per / steps)
        self.name, self.value = QLabel(name), muted("")
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.slider = Slider()
        self.slider.setRange(round(low * self._per), round(high * self._per))
        self.slider.setSingleStep(self._step)
        self.slider.setPageStep(max(self._step, self.slider.maximum() // 10))
        self.ends = (muted(ends[0]), muted(ends[1]))
        for widget in (self.name, self.slider, self.value):
            widget.setToolTip(tip)

    def number(self) -> float:
        # The mouse stops between steps, too.
        return round(self.slider.value() / self._step) * self._step / self._per

    def show(self, number: float, text: str) -> None:
        """Move the slider without a word to anybody."""
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(number * self._per))
        self.value.setText(text)
        self.slider.setAccessibleName(f"{self.name.text()}: {text}")


class FollowPanel(QFrame):
    """Lies over the picture until it is closed; everything it changes is seen at once.

    Signals:
        people_set, smoothing_set, joint_set, find_set: values.
        hands_set: on or off.
        region_wanted, region_cleared, reset: buttons.
        shown: opened or closed.
    """

    people_set = Signal(int)
    smoothing_set = Signal(float)
    joint_set = Signal(float)
    find_set = Signal(float)
    hands_set = Signal(bool)
    region_wanted = Signal()
    region_cleared = Signal()
    reset = Signal()
    shown = Signal(bool)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("popover")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Following")
        self.people = _Row("People at most", "Who is nearest and largest is followed; the status line counts the rest",
                           1, MOST_PEOPLE, MOST_PEOPLE - 1, ("1", str(MOST_PEOPLE)))  # fmt: skip
        self.smoothing = _Row("Smoothing", "Of joints over time: raw jitters, smooth lags ([ and ])",
                              0, 1, _STEPS // 5, ("raw", "smooth"))  # fmt: skip
        self.joint = _Row("Show joints from", "Joints with a lower peak belief are hollow, much lower ones hidden",
                          0, 1, _STEPS, ("all", "sure only"))  # fmt: skip
        self.sure = _Row("Find people from", "Mean belief of the best joints below which nobody is found",
                         0, 1, _STEPS, ("anything", "sure only"))  # fmt: skip
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(1, 1)
        for number, row in enumerate((self.people, self.smoothing, self.joint, self.sure)):
            grid.addWidget(row.name, 4 * number, 0, 1, 2)
            grid.addWidget(row.value, 4 * number, 2)
            grid.addWidget(row.slider, 4 * number + 1, 0, 1, 3)
            grid.addWidget(row.ends[0], 4 * number + 2, 0)
            grid.addWidget(row.ends[1], 4 * number + 2, 2, Qt.AlignmentFlag.AlignRight)
            grid.setRowMinimumHeight(4 * number + 3, 7)
        self.hands = Segments(
            (
                ("off", "Body alone", with_key("Bodies only", "body_hands")),
                ("on", "Body + hands", with_key("Run the hand model at the wrists too", "body_hands")),
            ),
            "Hands",
        )
        self.draw = _button("Draw a region", with_key("Look for people inside a rectangle only", "region"))
        self.clear = _button("Clear it", with_key("Look in the whole picture again", "clear_region"))
        self.back = _button("Back to the recipe's", "Usual number of people, smoothing and thresholds of this model")
        heading = QLabel("Following")
        heading.setObjectName("heading")
        region = QHBoxLayout()
        region.setSpacing(6)
        region.addWidget(self.draw, 1)
        region.addWidget(self.clear)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 10, 14, 12)
        layout.setSpacing(7)
        layout.addWidget(heading)
        layout.addLayout(grid)
        layout.addWidget(self.hands)
        layout.addLayout(region)
        layout.addWidget(self.back)
        self.setMinimumWidth(264)
        self._below: tuple[QWidget, QWidget] | None = None
        parent.installEventFilter(self)
        self.people.slider.valueChanged.connect(lambda: self.people_set.emit(round(self.people.number())))
        self.smoothing.slider.valueChanged.connect(lambda: self.smoothing_set.emit(self.smoothing.number()))
        self.joint.slider.valueChanged.connect(lambda: self.joint_set.emit(self.joint.number()))
        self.sure.slider.valueChanged.connect(lambda: self.find_set.emit(self.sure.number()))
        self.hands.chosen.connect(lambda key: self.hands_set.emit(key == "on"))
        self.draw.clicked.connect(self.region_wanted)
        self.clear.clicked.connect(self.region_cleared)
        self.back.clicked.connect(self.reset)
        self.hide()

    def show_options(self, options: Options, recipe: Recipe | None) -> None:
        """Follow the options; the values that are the model's own say so."""
        usual = recipe is not None
        if recipe is not None:
            limits, kind = options.thresholds(recipe), recipe.skeleton.name
            many = options.budget(kind)
            self.people.name.setText("Hands at most" if kind == "hand" else "People at most")
            self.sure.name.setText("Find hands from" if kind == "hand" else "Find people from")
            self.people.show(many, f"{many}{_mark(options.people is None)}")
            self.joint.show(limits.joint, f"{limits.joint:.2f}{_mark(options.joint_threshold is None)}")
            self.sure.show(limits.find, f"{limits.find:.2f}{_mark(options.find_threshold is None)}")
            usual = (options.people, options.joint_threshold, options.find_threshold) == (None, None, None)
            self.hands.setEnabled(kind == "body")
        self.smoothing.show(options.smoothing, f"{options.smoothing:.2f}{_mark(options.smoothing == SMOOTHING)}")
        self.hands.set_chosen("on" if options.hands else "off")
        self.clear.setEnabled(options.region is not None)
        self.back.setEnabled(not usual or options.smoothing != SMOOTHING)

    def toggle(self, anchor: QWidget, over: QWidget) -> None:
        """Open below a button, over the picture; or close."""
        if self.close_it():
            return
        self._below = anchor, over
        # It was made last, and would be the last that Tab comes to, behind everything else.
        last = anchor
        for widget in self.findChildren(QWidget):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
                QWidget.setTabOrder(last, widget)
                last = widget
        self.setVisible(True)
        self.place()
        self.raise_()
        self.shown.emit(True)
        if not anchor.underMouse():
            # Whoever opened it by its key goes on with keys.
            self.people.slider.setFocus(Qt.FocusReason.TabFocusReason)

    def place(self) -> None:
        """Lie below the button, and beside the panels."""
        parent = self.parentWidget()
        if parent is None or self._below is None:
            return
        anchor, over = self._below
        self.adjustSize()
        at = anchor.mapTo(parent, anchor.rect().bottomLeft())
        x = min(at.x(), over.mapTo(parent, over.rect().topRight()).x() - self.width() - 8)
        lowest = parent.height() - self.height() - 4
        self.move(max(8, x), max(0, min(at.y() + 8, lowest)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay there when the window changes its size; once its layout has followed."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            QTimer.singleShot(0, self.place)
        return super().eventFilter(watched, event)

    def close_it(self) -> bool:
        """Close; whether it was open."""
        was = self.isVisible()
        if was:
            give_focus_back(self)
            self.hide()
            self.shown.emit(False)
        return was


def _mark(usual: bool) -> str:
    return "  (usual)" if usual else ""


def _button(text: str, tip: str) -> QPushButton:
    button = PushButton(text)
    button.setToolTip(tip)
    return button
