"""The joints panel: which map glows, which joints are drawn, how sure each is."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from cpm_live.core.pose import Result
from cpm_live.drawing.view import ALL_JOINTS, BACKGROUND, CENTRE, FINDER_HANDS, FINDER_PEOPLE, NO_MAP, View
from cpm_live.gui.joints_list import JointsList
from cpm_live.gui.shortcuts import with_key
from cpm_live.gui.widgets import Segments, muted


class JointsPanel(QWidget):
    """Heading with the maps that are not one joint's, and the list of joints.

    Signals:
        map_chosen: a joint, or one of ``ALL_JOINTS``, ``BACKGROUND``, ``CENTRE``, ``NO_MAP`` and the finder's.
        joint_hovered, joint_toggled: see :class:`JointsList`.
    """

    map_chosen = Signal(int)
    joint_hovered = Signal(int)
    joint_toggled = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.list = JointsList()
        self.maps = Segments(
            (
                ("all", "All", "Belief of all joints together (A)"),
                ("background", "Backgr.", "Belief that no joint is there"),
                ("none", "None", "No belief map (N)"),
            ),
            "Belief map",
        )
        self.finder = Segments(
            (
                ("people", "People", with_key("Finder: where it believes that people's centres are", "finder")),
                ("hands", "Hands", "Finder: where it believes that hands' centres are (again V)"),
            ),
            "Finder",
        )
        self.centre = Segments(
            (("centre", "Centre", with_key("Centre map: it tells the network whom to estimate", "centre")),),
            "Centre map",
        )
        self._values = {"all": ALL_JOINTS, "background": BACKGROUND, "none": NO_MAP, "centre": CENTRE,
                        "people": FINDER_PEOPLE, "hands": FINDER_HANDS}  # fmt: skip
        self._groups = (self.maps, self.finder, self.centre)
        self.heading = heading = QLabel("Joints")
        heading.setObjectName("heading")
        top = QHBoxLayout()
        top.setContentsMargins(12, 8, 8, 4)
        top.addWidget(heading)
        top.addStretch(1)
        top.addWidget(self.maps)
        second = QHBoxLayout()
        second.setContentsMargins(12, 0, 8, 4)
        second.setSpacing(5)
        second.addWidget(muted("Finder"))
        second.addWidget(self.finder)
        second.addStretch(1)
        second.addWidget(self.centre)
        self._chosen = ALL_JOINTS
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.list)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self.list.setAutoFillBackground(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addLayout(second)
        layout.addWidget(self._scroll, 1)
        for group in self._groups:
            group.chosen.connect(lambda key: self.map_chosen.emit(self._values[key]))
        self.list.joint_clicked.connect(self.map_chosen)
        self.list.joint_hovered.connect(self.joint_hovered)
        self.list.joint_toggled.connect(self.joint_toggled)

    def show_result(self, result: Result) -> None:
        """Follow a result."""
        self.list.show_result(result)
        several = len(result.poses) > 1
        self.heading.setText(f"Joints, #{result.poses[0].id}" if several else "Joints")

    def set_view(self, view: View) -> None:
        """Follow the view."""
        over_picture = view.joint if view.glow else NO_MAP
        key = next((key for key, value in self._values.items() if value == over_picture), None)
        for group in self._groups:
            group.set_chosen(key)
        self.list.set_view(view)
        # Only for a new choice: what the mouse highlights must not move the list away from it.
        chosen, self._chosen = self._chosen, view.joint
        if view.joint >= 0 and view.joint != chosen:
            row = self.list.row_height
            self._scroll.ensureVisible(0, round((view.joint + 0.5) * row), 0, row)
