"""All keys in one table: it installs the shortcuts and fills the help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget


@dataclass(frozen=True, slots=True)
class Entry:
    """Keys that do one thing.

    Attributes:
        group: heading in the help.
        keys: as ``QKeySequence`` reads them.
        what: for people.
        action: name of what is done; ``stage`` gets the digit's stage.
        shown: how the help writes the keys, where not as they are.
    """

    group: str
    keys: tuple[str, ...]
    what: str
    action: str
    shown: tuple[str, ...] = ()


SHORTCUTS: tuple[Entry, ...] = (
    Entry("Stages and joints", tuple("123456789"), "Show a stage", "stage", ("1", "…", "9")),
    Entry("Stages and joints", ("0", "End"), "Show the last stage", "last_stage"),
    Entry("Stages and joints", ("J",), "Next joint", "next_joint"),
    Entry("Stages and joints", ("K",), "Previous joint", "previous_joint"),
    Entry("Stages and joints", ("A",), "Belief of all joints", "all_joints"),
    Entry("Stages and joints", ("N",), "No belief map", "no_map"),
    Entry("Stages and joints", ("E",), "Centre map", "centre"),
    Entry("Stages and joints", ("V",), "Finder view: people, hands, off", "finder"),
    Entry("Model and source", ("B",), "Body", "body"),
    Entry("Model and source", ("H",), "Hand", "hand"),
    Entry("Model and source", ("Shift+H",), "Body + hands", "body_hands"),
    Entry("Model and source", ("C",), "Camera", "camera"),
    Entry("Model and source", ("O",), "Open a file", "open_file"),
    Entry("Model and source", ("D",), "Built-in demo", "demo"),
    Entry("People", ("I",), "Draw a region of interest", "region"),
    Entry("People", ("U",), "Region around the shown person", "region_here"),
    Entry("People", ("Shift+I",), "Clear the region", "clear_region"),
    Entry("People", ("P",), "Next person", "next_person"),
    Entry("People", ("L",), "Lock on the shown person, or release", "lock"),
    Entry("People", ("Esc",), "Release; leave drawing, a panel or full screen", "release"),
    Entry("People", ("Shift+F",), "How many, how smooth, how sure", "following"),
    Entry("People", ("[",), "Less smoothing", "rawer"),
    Entry("People", ("]",), "More smoothing", "smoother"),
    Entry("Playing and keeping", ("Space",), "Pause or go on", "pause"),
    Entry("Playing and keeping", (".", "Right"), "One frame further, when paused", "step", (".", "→")),
    Entry("Playing and keeping", (",", "Left"), "One back, in a film or a folder", "back", (",", "←")),
    Entry("Playing and keeping", ("PgDown",), "A tenth of a film or folder further", "leap_on"),
    Entry("Playing and keeping", ("PgUp",), "A tenth back", "leap_back"),
    Entry("Playing and keeping", ("R",), "Start or stop recording", "record"),
    Entry("Playing and keeping", ("S",), "Snapshot", "snapshot"),
    Entry("Playing and keeping", ("Ctrl+S",), "Snapshot of all stages, side by side", "snapshot_stages"),
    Entry("Playing and keeping", ("Shift+S",), "Send keypoints (OSC), or stop", "send"),
    Entry("Looks", ("M",), "Mirror", "mirror"),
    Entry("Looks", ("G",), "Belief glow", "glow"),
    Entry("Looks", ("X",), "Boxes and track numbers", "boxes"),
    Entry("Looks", ("T",), "Dark or light", "theme"),
    Entry("Looks", ("F", "F11"), "Full screen", "fullscreen"),
    Entry("Looks", ("W",), "The picture alone", "alone"),
    Entry("Window", ("?",), "This help", "help"),
    Entry("Window", ("Ctrl+Q",), "Quit", "quit"),
)


_REPEATED = ("step", "back", "leap_on", "leap_back", "next_joint", "previous_joint", "rawer", "smoother")


def key_for(action: str) -> str:
    """The first key of an action, for tooltips."""
    return next(entry.keys[0] for entry in SHORTCUTS if entry.action == action)


def with_key(text: str, action: str) -> str:
    """A tooltip with its key."""
    return f"{text} ({key_for(action)})"


def install(window: QWidget, actions: Mapping[str, Callable[[], object]], stage: Callable[[int], object]) -> None:
    """Make every key of the table work in a window.

    Args:
        actions: what each ``Entry.action`` does, but for ``stage``.
        stage: shows a stage, 0-based.

    Raises:
        ValueError: an entry of the table without an action, or a key that is there twice, which would do nothing.
    """
    if undone := {entry.action for entry in SHORTCUTS} - {*actions, "stage"}:
        raise ValueError(f"keys without an action: {', '.join(sorted(undone))}")
    keys = Counter(key for entry in SHORTCUTS for key in entry.keys)
    if twice := [key for key, count in keys.items() if count > 1]:
        raise ValueError(f"keys that are there twice: {', '.join(twice)}")
    for entry in SHORTCUTS:
        for key in entry.keys:
            shortcut = QShortcut(QKeySequence(key), window)
            if entry.action == "stage":
                shortcut.activated.connect(lambda number=int(key): stage(number - 1))
            else:
                # Held keys repeat only where that makes sense.
                shortcut.setAutoRepeat(entry.action in _REPEATED)
                shortcut.activated.connect(lambda name=entry.action: actions[name]())
