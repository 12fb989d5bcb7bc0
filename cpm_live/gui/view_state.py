"""What is shown, as the window's one source of truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from cpm_live.drawing.finder import is_finder
from cpm_live.drawing.view import ALL_JOINTS, CENTRE, FINDER_HANDS, FINDER_PEOPLE, NO_MAP, View

GLOW = 0.6


class ViewState(QObject):
    """Holds the :class:`View`; every widget reads it and says ``changed`` through it."""

    changed = Signal()

    def __init__(self, view: View, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._view = view
        self.joints = 0
        self.stages = 0
        self.finder_stages = 0

    @property
    def view(self) -> View:
        """What is shown now."""
        return self._view

    def set(self, **changes: Any) -> None:
        """Change fields of the view."""
        fresh = replace(self._view, **changes)
        if fresh != self._view:
            self._view = fresh
            self.changed.emit()

    def actions(self) -> dict[str, Callable[[], object]]:
        """What the keys of the table do here."""
        return {
            "last_stage": lambda: self.choose_stage(None),
            "next_joint": lambda: self.move_joint(1),
            "previous_joint": lambda: self.move_joint(-1),
            "all_joints": lambda: self.show_map(ALL_JOINTS),
            "no_map": lambda: self.show_map(NO_MAP),
            "glow": self.toggle_glow,
            "boxes": self.toggle_boxes,
        }

    def model_is(self, joints: int, stages: int) -> None:
        """Learn the model's shape; a stage it lacks becomes the last one, a joint it lacks all of them."""
        if (joints, stages) == (self.joints, self.stages):
            return
        if joints != self.joints:
            joint = ALL_JOINTS if self._view.joint >= 0 else self._view.joint
            self.set(joint=joint, hidden=frozenset(), highlight=None)
        self.joints, self.stages = joints, stages
        if self._view.stage is not None and self._view.stage >= stages:
            self.set(stage=None)

    def choose_stage(self, stage: int | None) -> None:
        """Show a stage (0-based), or the last one; a stage the model lacks is ignored."""
        finder = is_finder(self._view.joint)
        stages = self.finder_stages if finder else self.stages
        if finder and stage == stages - 1:
            # The finder has fewer: its last one is no early one of the pose's.
            stage = None
        if stage is None or (stages and 0 <= stage < stages):
            self.set(stage=stage)

    def show_map(self, joint: int) -> None:
        """Lay a belief map over the picture, by its number in a view: whoever chooses one wants to see it."""
        self.set(joint=joint, glow=self._view.glow if joint == NO_MAP else self._view.glow or GLOW)

    def toggle_hidden(self, joint: int) -> None:
        """Hide or show a joint."""
        self.set(hidden=self._view.hidden ^ {joint})

    def move_joint(self, by: int) -> None:
        """The next or previous joint's map; all joints together come between the last and the first."""
        if not self.joints:
            return
        places = [ALL_JOINTS, *range(self.joints)]
        at = places.index(self._view.joint) if self._view.joint in places else 0
        self.show_map(places[(at + by) % len(places)])

    def toggle_centre(self) -> None:
        """The centre map, or all joints' beliefs again."""
        self.show_map(ALL_JOINTS if self._view.joint == CENTRE else CENTRE)

    def next_finder(self) -> None:
        """The finder's map of people, then of hands, then all joints' beliefs again."""
        after = {FINDER_PEOPLE: FINDER_HANDS, FINDER_HANDS: ALL_JOINTS}
        self.show_map(after.get(self._view.joint, FINDER_PEOPLE))

    def toggle_glow(self) -> None:
        """Belief maps over the picture, or not."""
        if self._view.glow and self._view.joint == NO_MAP:
            self.set(joint=ALL_JOINTS)
        else:
            self.set(glow=0.0 if self._view.glow else GLOW)

    def toggle_boxes(self) -> None:
        """Boxes and numbers, or not."""
        self.set(boxes=not self._view.boxes)
