"""Whom the machine follows, as the window handles it: region, lock, the chosen person, and what says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QMenu

from cpm_live.core.crop import Box
from cpm_live.core.pose import Pose, Result
from cpm_live.drawing.finder import is_finder
from cpm_live.drawing.view import CENTRE
from cpm_live.gui.banner import Notice
from cpm_live.gui.follow_panel import FollowPanel
from cpm_live.gui.follow_state import FollowState
from cpm_live.gui.lock import LockWatch
from cpm_live.gui.people_painter import pose_name
from cpm_live.gui.picture import Picture
from cpm_live.gui.region import SMALLEST
from cpm_live.gui.session import Session
from cpm_live.gui.settings import Settings
from cpm_live.gui.shortcuts import key_for
from cpm_live.gui.status import StatusLine
from cpm_live.gui.strip_content import Seen, age_text
from cpm_live.gui.toolbar import Toolbar
from cpm_live.gui.view_state import ViewState
from cpm_live.pipeline.last_findings import FRESH_S

_SMOOTHER = 0.1
_ROOM = 0.25
"""Around somebody's box, as a share of its longer side: an arm that they may stretch."""


class Following(QObject):
    """Between the picture's mouse, the toolbar, the panel and the session's :class:`Options`.

    Signals:
        person_chosen: the panels are to show somebody else.
    """

    person_chosen = Signal()

    def __init__(
        self,
        session: Session,
        view: ViewState,
        widgets: tuple[Picture, Toolbar, StatusLine, FollowPanel],
        kept: Settings,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.session, self.view = session, view
        self.picture, self.toolbar, self.status, self.panel = widgets
        self.state = FollowState(kept.smoothing, kept.hands, kept.following, self)
        self.lock = LockWatch()
        self.chosen: int | None = None
        self._leave: Callable[[], bool] = lambda: False
        self._region_frame = (0, 0)
        self._opened = False
        self._left_region: Box | None = None
        self._map_before: tuple[int, float] | None = None
        self._second_click = QTimer(self)
        self._second_click.setSingleShot(True)
        self._second_click.timeout.connect(self._forget_map)
        self.state.changed.connect(self._options_changed)
        session.model_wanted.connect(self._model_changed)
        session.model_failed.connect(self._model_changed)
        session.source_opening.connect(self._source_changed)
        session.source_opened.connect(self._source_opened)
        picture, panel = self.picture, self.panel
        picture.person_clicked.connect(self.choose)
        picture.pointed_at.connect(self.point_at)
        picture.region_drawn.connect(self._region_drawn)
        picture.menu_asked.connect(self._show_menu)
        self.status.release.clicked.connect(self.release)
        panel.people_set.connect(lambda value: self.state.set_own("people", value))
        panel.joint_set.connect(lambda value: self.state.set_own("joint", value))
        panel.find_set.connect(lambda value: self.state.set_own("find", value))
        panel.smoothing_set.connect(self.state.set_smoothing)
        panel.hands_set.connect(self.state.set_hands)
        panel.region_wanted.connect(self.arm_region)
        panel.region_cleared.connect(self.clear_region)
        panel.reset.connect(self.state.reset)
        panel.shown.connect(self.toolbar.following.setChecked)
        self._options_changed()

    def actions(self) -> dict[str, Callable[[], object]]:
        """What the keys do, by the names of ``shortcuts.SHORTCUTS``."""
        state = self.state
        return {
            "region": self.arm_region,
            "clear_region": self.clear_region,
            "region_here": self.region_here,
            "lock": self.toggle_lock,
            "release": self.escape,
            "next_person": self.next_person,
            "body_hands": self.toggle_hands,
            "following": lambda: self.panel.toggle(self.toolbar.following, self.picture),
            "rawer": lambda: state.set_smoothing(state.options.smoothing - _SMOOTHER),
            "smoother": lambda: state.set_smoothing(state.options.smoothing + _SMOOTHER),
            "finder": self.view.next_finder,
            "centre": self.view.toggle_centre,
        }

    def noted(self, settings: Settings) -> Settings:
        """The settings with what was set here; region and lock belong to a source and are not kept."""
        options = self.state.options
        return replace(settings, smoothing=options.smoothing, hands=options.hands, following=dict(self.state.kept))

    # -- results ----------------------------------------------------------------------------------

    def take(self, result: Result) -> None:
        """Follow a result: the lock's end, a frame of another size, whom the marks and the notes are about."""
        frame = (result.frame.width, result.frame.height)
        if self.state.options.region is not None and frame != self._region_frame:
            self.clear_region()
            self._say("The region is cleared: this picture has another size.")
            if self.session.live.paused:
                # The only one of it has been looked at in the region.
                self.session.live.look_again(result.frame)
        if result.stage_count:
            over = self.lock.take(result)
            if over:
                self.state.set_lock(None)
                self._say(over)
            if result.locked is not None:
                self.chosen = result.locked
        last = self.session.live.findings.last(result)
        self.view.finder_stages = len(last.finder.beliefs) if last is not None and last.finder is not None else 0
        self.show_marks(result)

    def seen(self, result: Result) -> Seen:
        """The finder's last answer as of a result."""
        findings = self.session.live.findings
        return Seen(findings.last(result), findings.age_s(result))

    def focused(self, result: Result) -> Result:
        """The result with the chosen person first, whom the panels show."""
        pose = self._shown(result)
        if pose is None or pose is result.poses[0]:
            return result
        return replace(result, poses=(pose, *(other for other in result.poses if other is not pose)))

    def show_marks(self, result: Result) -> None:
        """Say on the picture and in the status line who is followed."""
        pose = self._shown(result)
        # A picture that stands still goes on saying who was locked when it was looked at.
        locking = self.state.options.lock is not None
        self.picture.set_people(pose.id if pose is not None else None, locking, self._notes(result))
        locked = None
        if locking:
            locked = next((pose_name(p) for p in result.poses if p.id == result.locked), None)
            locked = locked or (f"#{result.locked}" if result.locked is not None else "…")
        self.status.show_people(len(result.poses), len(result.hands), result.left_out, locked)

    def _shown(self, result: Result) -> Pose | None:
        first = result.poses[0] if result.poses else None
        return next((pose for pose in result.poses if pose.id == self.chosen), first)

    def _notes(self, result: Result) -> tuple[str, ...]:
        notes = []
        if self.state.options.lock is not None and result.locked is None and not self.session.live.paused:
            notes.append("Looking for whom you pointed at")
        joint = self.view.view.joint
        if is_finder(joint):
            seen = self.seen(result)
            if seen.result is None:
                notes.append("The finder has not run")
            else:
                stale = ", too old for this picture" if seen.age_s > FRESH_S else ""
                notes.append(f"Finder: {age_text(seen.age_s)}{stale}")
        elif joint == CENTRE and result.poses and not result.poses[0].centre_sigma:
            notes.append("This model has no centre map")
        return tuple(notes)

    # -- wishes -----------------------------------------------------------------------------------

    @Slot(int)
    def choose(self, person: int) -> None:
        """Show this person's joints and stages in the panels."""
        # A double click begins with a click: what that one chose is undone when the second one comes.
        self._map_before = self.view.view.joint, self.view.view.glow
        self._second_click.start(QApplication.doubleClickInterval())
        if person != self.chosen:
            self.chosen = person
            self.person_chosen.emit()

    @Slot()
    def _forget_map(self) -> None:
        """No second click came: what was chosen since then stays."""
        self._map_before = None

    def next_person(self) -> None:
        """The next one in the order of their numbers."""
        result = self.session.latest
        if result is None or not result.poses:
            return
        shown = self._shown(result)
        names = sorted(pose.id for pose in result.poses)
        at = names.index(shown.id) if shown is not None else -1
        self.choose(names[(at + 1) % len(names)])

    @Slot(object)
    def point_at(self, what: int | tuple[float, float]) -> None:
        """Lock on a person, or look for somebody at a place."""
        if self._map_before is not None:
            joint, glow = self._map_before
            self.view.set(joint=joint, glow=glow)
            self._map_before = None
        self.lock_on(what)

    def lock_on(self, what: int | tuple[float, float]) -> None:
        """Follow this track only, or whoever stands at a place in the frame."""
        self.lock.asked(what)
        self.state.set_lock(what)

    def toggle_lock(self) -> None:
        """Lock on the person whose joints are shown, or release."""
        result = self.session.latest
        pose = self._shown(result) if result is not None else None
        if self.state.options.lock is not None:
            self.release()
        elif pose is not None:
            self.lock_on(pose.id)
        else:
            self._say("Nobody to lock on yet.")

    @Slot()
    def release(self) -> None:
        """Follow everybody again."""
        self.lock.released()
        self.state.set_lock(None)

    def left_first(self, leave: Callable[[], bool]) -> None:
        """What Esc leaves before full screen and the lock; ``leave`` tells whether there was anything to leave."""
        self._leave = leave

    def escape(self) -> None:
        """Leave what is nearest: drawing, the panel, the picture alone, full screen, the lock."""
        region = self.picture.region
        if region.armed or region.dragging:
            self._arm(False)
        elif not (self.panel.close_it() or self._leave()):
            window = self.picture.window()
            if self.state.options.lock is None and window.isFullScreen():
                # Not showNormal, which would forget that it had been maximised.
                window.setWindowState(window.windowState() & ~Qt.WindowState.WindowFullScreen)
            self.release()

    @Slot()
    def arm_region(self) -> None:
        """Draw a region with the next drag, or not after all."""
        if self.picture.result is None and not self.picture.region.armed:
            self._say("There is no picture to draw a region on yet.")
        self._arm(self.picture.result is not None and not self.picture.region.armed)

    def _arm(self, on: bool) -> None:
        self.picture.arm_region(on)
        self.toolbar.region.setChecked(on or self.state.options.region is not None)

    @Slot(object)
    def _region_drawn(self, region: Box) -> None:
        frame = self.picture.result.frame if self.picture.result is not None else None
        self._region_frame = (frame.width, frame.height) if frame is not None else (0, 0)
        self.state.set_region(region)

    def region_here(self) -> None:
        """Look around the shown person only: a region without a mouse."""
        result = self.picture.result
        pose = self._shown(result) if result is not None else None
        if result is None or pose is None:
            self._say("Nobody is shown to draw a region around.")
            return
        x, y, width, height = pose.box
        room = _ROOM * max(width, height)
        x0, y0 = max(0, round(x - room)), max(0, round(y - room))
        x1 = min(result.frame.width, round(x + width + room))
        y1 = min(result.frame.height, round(y + height + room))
        if min(x1 - x0, y1 - y0) >= SMALLEST:
            self._arm(False)
            self._region_drawn((float(x0), float(y0), float(x1 - x0), float(y1 - y0)))

    @Slot()
    def clear_region(self) -> None:
        """Look in the whole picture again."""
        self.state.set_region(None)

    def toggle_hands(self) -> None:
        """Body + hands, or bodies alone."""
        if self.session.kind != "body":
            self._say(f"Hands beside bodies are for the body model: press {key_for('body')} first.")
            self.toolbar.set_hands(self.state.options.hands, False)
            return
        self.state.set_hands(not self.state.options.hands)

    # -- changes ----------------------------------------------------------------------------------

    @Slot()
    def _options_changed(self) -> None:
        options = self.state.options
        self.picture.region.region = options.region
        self.picture.update()
        self.toolbar.region.setChecked(options.region is not None or self.picture.region.armed)
        self.toolbar.set_hands(options.hands, self.session.kind == "body")
        self.panel.show_options(options, self.state.recipe)
        self.session.set_options(options)
        if self.session.latest is not None:
            self.show_marks(self.session.latest)

    @Slot(str)
    def _model_changed(self, _kind: str) -> None:
        recipe = self.session.recipe
        if recipe is not None:
            # Another engine that fails is no other model: whoever is followed stays followed.
            if recipe != self.state.recipe or not self.session.live.engine_label:
                self._forget_people()
            self.state.model_is(recipe)

    @Slot(str)
    def _source_changed(self, _text: str) -> None:
        # The machine forgets whom it was locked on by itself; a part of another picture means nothing in this one.
        # But where the new source has not opened, the old one plays on, and its region is still right.
        self._forget_people()
        self._arm(False)
        if self._opened:
            self._opened, self._left_region = False, self.state.options.region
        self.state.set_region(self._left_region if self.session.went_back else None)

    @Slot()
    def _source_opened(self) -> None:
        if not self._opened and not self.session.went_back:
            # What was drawn meanwhile, on the picture of the one before.
            self._forget_people()
            self._arm(False)
            self.state.set_region(None)
        self._opened = True

    def _forget_people(self) -> None:
        self.chosen = None
        self.release()

    def _say(self, text: str) -> None:
        self.picture.banner.show_notice(Notice("info", text, 5))

    @Slot(object, object)
    def _show_menu(self, at: QPoint, person: int | None) -> None:
        menu = self.menu(person)
        menu.popup(at)

    def menu(self, person: int | None) -> QMenu:
        """What can be done on the picture, and with the person under the mouse."""
        menu = QMenu(self.picture)
        menu.aboutToHide.connect(menu.deleteLater)
        options = self.state.options

        def add(text: str, key: str, act: Callable[[], object], enabled: bool = True) -> None:
            action = menu.addAction(f"{text}\t{key_for(key)}" if key else text)
            action.setEnabled(enabled)
            action.triggered.connect(lambda: act())

        if person is not None:
            add(f"Lock on #{person}", "", lambda: self.lock_on(person), options.lock != person)
            add(f"Show the joints of #{person}", "", lambda: self.choose(person), person != self.chosen)
        add("Release the lock", "release", self.release, options.lock is not None)
        menu.addSeparator()
        add("Draw a region", "region", lambda: self._arm(True), self.picture.result is not None)
        add("Clear the region", "clear_region", self.clear_region, options.region is not None)
        return menu
