"""The main window: puts the widgets together and carries their wishes to the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from cpm_live.capture.base import SourceInfo
from cpm_live.core.address import is_stream
from cpm_live.core.pose import Result
from cpm_live.drawing.view import ALL_JOINTS, View
from cpm_live.gui import placement, shortcuts, theme
from cpm_live.gui import settings as memory
from cpm_live.gui.alone import Alone
from cpm_live.gui.camera_size import CameraSize
from cpm_live.gui.charts_holder import ChartsHolder
from cpm_live.gui.folder import offer_folder, offer_keypoints
from cpm_live.gui.follow_panel import FollowPanel
from cpm_live.gui.following import Following
from cpm_live.gui.help import toggle_help
from cpm_live.gui.joints_panel import JointsPanel
from cpm_live.gui.openers import Openers, default_openers
from cpm_live.gui.options import AppOptions
from cpm_live.gui.own_models import OwnModels
from cpm_live.gui.picture import Picture
from cpm_live.gui.sending import Sending
from cpm_live.gui.session import Session
from cpm_live.gui.side import Side
from cpm_live.gui.stage_strip import StageStrip
from cpm_live.gui.status import StatusLine
from cpm_live.gui.throttle import Throttle
from cpm_live.gui.timeline import Timeline
from cpm_live.gui.toolbar import Toolbar
from cpm_live.gui.view_state import GLOW, ViewState
from cpm_live.gui.watched import Watched
from cpm_live.gui.widgets import Splitter, close_dialogs
from cpm_live.gui.wishes import Wishes

_READ_OUTS_MS = 100


class MainWindow(QMainWindow):
    """The window of cpm-live.

    Args:
        options: from the command line.
        store: where settings are kept.
        openers: fakes in tests.

    Signals:
        stopped: the window is closed and every thread has ended.
    """

    stopped = Signal()

    def __init__(self, options: AppOptions, store: QSettings, openers: Openers | None = None) -> None:
        super().__init__()
        openers = openers or default_openers(options.threads)
        self._store, self._options = store, options
        self.settings = self._remembered = kept = memory.load(store)
        self._wishes = Wishes()
        self._opened, self._ended, self._forced_mirror = -1, False, options.mirror
        self.state = ViewState(View(glow=GLOW if kept.glow else 0.0, boxes=kept.boxes), self)
        self.session = Session(openers, self)
        self.setWindowTitle("cpm-live")
        self.toolbar = Toolbar(openers.cameras)
        self.camera_size = CameraSize(self.session, self.toolbar.source, options.size, kept.camera_size)
        self.picture, self.strip = Picture(), StageStrip()
        self.timeline = Timeline(self.picture, self.session)
        self.joints, self.charts, self.status = JointsPanel(), ChartsHolder(), StatusLine()
        self.panel = FollowPanel(self)
        people = (self.picture, self.toolbar, self.status, self.panel)
        self.sending = Sending(self.session, self.toolbar, self.status, kept.osc, self)
        self.following = Following(self.session, self.state, people, kept, self)
        self._read_outs = Throttle(_READ_OUTS_MS, self._show_read_outs, self)
        self._compose()
        self.alone = Alone(self.picture, self.toolbar, self.side, self.strip, self.status, self.timeline.below)
        self.following.left_first(self.alone.leave)
        self._connect()
        Watched(self, self.session.live.gate.watch)
        self._install_keys()
        self.apply_theme(kept.theme)
        placement.restore(self, self.columns, self.rows, self.side, kept)
        self._view_changed()

    def start(self) -> None:
        """Open model and source; call once, before or after showing the window."""
        # No button looks chosen until Tab is pressed.
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        kept, options = self.settings, self._options
        engine = options.engine or kept.engine
        self.toolbar.set_engine(engine)
        # The model first: it decides what the demo shows.
        if not self.session.set_model(options.model or kept.model, engine) and not options.model:
            self.session.set_model("body", engine)
        self.session.start(options.source, kept.source, patient=options.alone)
        if options.osc is not None:
            self.sending.start(options.osc)

    # -- composition ------------------------------------------------------------------------------

    def _compose(self) -> None:
        self.side = Side(self.joints, self.charts)
        self.columns = Splitter(Qt.Orientation.Horizontal, self.timeline, self.side)
        self.rows = Splitter(Qt.Orientation.Vertical, self.columns, self.strip)
        self.columns.setStretchFactor(0, 1)
        self.columns.setStretchFactor(1, 0)
        self.columns.setSizes([960, 310])
        self.rows.setStretchFactor(0, 1)
        self.rows.setStretchFactor(1, 0)
        self.rows.setSizes([600, 118])
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.toolbar)
        column.addWidget(self.rows, 1)
        column.addWidget(self.status)
        self.setCentralWidget(centre)
        placement.size(self)
        keepers = (self.toolbar.snapshot, self.toolbar.record)
        offer_folder(self, keepers, lambda: self.settings.folder, lambda folder: self._keep(folder=folder))
        offer_keypoints(self.toolbar.record, self.settings.keypoints, lambda wished: self._keep(keypoints=wished))

    def _connect(self) -> None:
        session, state, picture = self.session, self.state, self.picture
        state.changed.connect(self._view_changed)
        session.result.connect(self._show_result)
        session.notice.connect(picture.banner.show_notice)
        session.source_opening.connect(self._source_opening)
        session.source_opened.connect(self._source_opened)
        session.source_failed.connect(self._source_failed)
        session.source_refused.connect(lambda: self._wishes.denied("source"))
        session.model_wanted.connect(self._model_wanted)
        session.model_failed.connect(self._model_failed)
        session.model_ready.connect(self._model_ready)
        session.paused_changed.connect(self.toolbar.set_paused)
        session.paused_changed.connect(picture.set_paused)
        session.recording_changed.connect(self.toolbar.set_recording)
        session.stopped.connect(self._threads_ended)
        self.following.person_chosen.connect(self._person_chosen)
        picture.joint_hovered.connect(self._highlight)
        picture.joint_clicked.connect(self._toggle_joint)
        picture.first_painted.connect(self._first_painted)
        self.strip.stage_chosen.connect(state.choose_stage)
        self.joints.map_chosen.connect(state.show_map)
        self.joints.joint_hovered.connect(self._highlight)
        self.joints.joint_toggled.connect(state.toggle_hidden)
        self.toolbar.source.source_chosen.connect(self.choose_source)
        self.own_models = OwnModels(self, self.toolbar.model, self.choose_model, self.choose_source)
        self.toolbar.model_chosen.connect(self.choose_model)
        self.toolbar.engine_chosen.connect(self._choose_engine)
        self.toolbar.engine.build_cancelled.connect(session.live.cancel_build)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._show_status)
        self._timer.start(250)

    def _install_keys(self) -> None:
        state, session, source = self.state, self.session, self.toolbar.source
        actions: dict[str, Callable[[], object]] = {
            "body": lambda: self.choose_model("body"),
            "hand": lambda: self.choose_model("hand"),
            "camera": self._choose_camera,
            "open_file": source.ask_file,
            "demo": lambda: self.choose_source("demo"),
            "pause": session.toggle_pause,
            "step": session.step,
            "back": session.live.back,
            "leap_on": lambda: self.timeline.leap(1),
            "leap_back": lambda: self.timeline.leap(-1),
            "record": lambda: session.toggle_recording(self._folder(), self.settings.keypoints),
            "send": self.sending.toggle,
            "snapshot": lambda: session.snapshot(state.view, self._folder()),
            "snapshot_stages": lambda: session.snapshot(state.view, self._folder(), stages=True),
            "mirror": self._toggle_mirror,
            "theme": lambda: self.apply_theme("light" if self.settings.theme == "dark" else "dark"),
            "fullscreen": lambda: self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen),
            "alone": self.alone.toggle,
            "help": lambda: toggle_help(self),
            "quit": self.close,
            **state.actions(),
            **self.following.actions(),
        }
        shortcuts.install(self, actions, state.choose_stage)
        self.toolbar.action.connect(lambda name: actions[name]())

    # -- results ----------------------------------------------------------------------------------

    @Slot(object)
    def _show_result(self, result: Result) -> None:
        if result.stage_count:
            self.state.model_is(len(result.skeleton), result.stage_count)
            self.charts.history.add(result)
        self.following.take(result)
        self.picture.show_result(result)
        self._read_outs.request()

    def _show_read_outs(self) -> None:
        result = self.session.latest
        if result is not None:
            seen, result = self.following.seen(result), self.following.focused(result)
            self.strip.show_result(result, seen)
            self.joints.show_result(result)
            self.charts.set_skeleton(result.skeleton)
            if result.poses:
                self.charts.history.look_at(result.poses[0].id)

    @Slot()
    def _person_chosen(self) -> None:
        self._show_read_outs()
        if self.session.latest is not None:
            self.following.show_marks(self.session.latest)

    @Slot()
    def _view_changed(self) -> None:
        view = self.state.view
        self.settings = replace(self.settings, glow=view.glow > 0, boxes=view.boxes)
        for widget in (self.picture, self.strip, self.joints, self.charts, self.toolbar):
            widget.set_view(view)
        self.session.set_view(view)
        if self.session.latest is not None:
            self.following.show_marks(self.session.latest)

    @Slot()
    def _show_status(self) -> None:
        live = self.session.live
        recorder, info = live.recording, self.session.info
        seconds = recorder.seconds if recorder is not None else None
        progress = live.build_progress
        self.toolbar.engine.show_build(progress)
        engine = f"{live.engine_label}  |  building TensorRT: {progress.text}" if progress else live.engine_label
        stats = live.stats()
        self.status.show_stats(stats, engine, seconds, info.kind if info else "")
        self.sending.refresh()
        self.picture.set_quiet(stats.quiet_s, info is not None and info.kind in ("camera", "stream"))
        if self.picture.gone:  # so are parts of it
            self.strip.clear("")
            self.joints.list.clear_result()

    @Slot()
    def _first_painted(self) -> None:
        # The charts' library takes longer to load than all the rest: only now, and beside the picture.
        if self._options.startup_report or not self._options.quit_after_first_frame:
            self.charts.load()

    # -- source and model -------------------------------------------------------------------------

    @Slot(str)
    def choose_source(self, text: str) -> None:
        """Play what the person chose, and remember it once it plays."""
        if not self.isEnabled():
            return  # a dialog that was answered while the window closes
        self._wishes.add("source", text)
        self.picture.banner.dismiss()
        self.session.open(text)

    def _choose_camera(self) -> None:
        self._wishes.add("source", "")
        self.picture.banner.dismiss()
        self.session.open_camera()

    @Slot(str)
    def choose_model(self, name: str) -> None:
        """Run the model that the person chose, and remember it once it runs."""
        if self.session.recipe is not None and self.session.recipe.name == name:
            self.toolbar.model.set_chosen(name)
            return
        if self.session.set_model(name):
            self._wishes.add("model", self.session.path_of(name))

    def _choose_engine(self, name: str) -> None:
        self._wishes.add("engine", name)
        self.session.set_engine(name)

    @Slot(str)
    def _source_opening(self, text: str) -> None:
        self.toolbar.source.show_source(text, None)
        self.toolbar.set_playing(True)
        if self.picture.result is None:
            self.picture.clear("Opening the source…")

    @Slot(str, object)
    def _source_opened(self, text: str, info: SourceInfo) -> None:
        self.settings = self._wishes.granted(self.settings, "source")
        self.toolbar.source.show_source(text, info)
        notice = self.picture.banner.notice
        if notice is not None and notice.about == "source":
            self.picture.banner.dismiss()
        generation = self.session.live.generation
        if generation == self._opened:
            return  # it was lost and is back: what was set for it meanwhile stays
        self._opened = generation
        if not self.session.went_back:
            usual, forced = info.mirror and self.settings.mirror, self._forced_mirror
            self.state.set(mirror=usual if forced is None else forced)
        self.setWindowTitle(f"{info.label} - cpm-live")
        self.charts.history.clear()

    @Slot(str)
    def _source_failed(self, text: str) -> None:
        self.charts.history.clear()
        self.toolbar.source.show_none(text)
        self.toolbar.set_playing(False)
        self.picture.clear("This source cannot be shown")
        self.strip.clear("open a source to see the stages")
        self.joints.list.clear_result()
        self.status.show_people(0, 0, 0, None)
        self.setWindowTitle("cpm-live")
        self.charts.load()

    @Slot(str)
    def _model_wanted(self, kind: str) -> None:
        self.toolbar.show_model(self.session.recipe.name if self.session.recipe is not None else kind)
        self.strip.set_message("loading model…")
        if self.session.recipe is not None:
            skeleton = self.session.recipe.skeleton
            self.joints.list.set_skeleton(skeleton)
            # Now, not with its first result: what is chosen in the new list meanwhile is meant for it.
            self.state.model_is(len(skeleton), self.state.stages)

    @Slot(str)
    def _model_ready(self, label: str) -> None:
        self.settings = self._wishes.granted(self.settings, "model", "engine")
        self.toolbar.set_engine(self.session.engine)

    @Slot(str)
    def _model_failed(self, kind: str) -> None:
        self._wishes.denied("model", "engine")
        self._model_wanted(kind)
        self.toolbar.set_engine(self.session.engine)
        self.strip.set_message("no model is running")

    # -- looks ------------------------------------------------------------------------------------

    @Slot(int)
    def _highlight(self, joint: int) -> None:
        self.state.set(highlight=joint if joint >= 0 else None)

    @Slot(int)
    def _toggle_joint(self, joint: int) -> None:
        self.state.show_map(ALL_JOINTS if joint == self.state.view.joint else joint)

    def _toggle_mirror(self) -> None:
        self.state.set(mirror=not self.state.view.mirror)
        self._forced_mirror = None
        if self.session.info is not None and self.session.info.mirror:
            self.settings = replace(self.settings, mirror=self.state.view.mirror)

    def apply_theme(self, name: str) -> None:
        """Dark or light."""
        self.settings = replace(self.settings, theme=name)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, theme.THEMES[name])
        self.toolbar.set_theme(name)

    # -- folders and memory -----------------------------------------------------------------------

    def _folder(self) -> Path | None:
        return Path(self.settings.folder) if self.settings.folder else None

    def _keep(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)

    # -- the end ----------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        """Hide at once, end the threads beside the GUI, close when they have ended."""
        if self._ended:
            event.accept()
            return
        event.ignore()
        if self.isEnabled():
            if is_stream(self._wishes.pending("source")):
                self._wishes.denied("source")  # its server may never have answered
            self.settings = self._wishes.granted(self.settings, "source", "model", "engine")
            self._keep(osc=self.sending.known, camera_size=self.camera_size.known)
            kept = placement.noted(self, self.columns, self.rows, self.side, self.following.noted(self.settings))
            if self._options.alone and placement.fills_screen(self):
                kept = replace(kept, geometry=self.settings.geometry)  # not chosen for the next time
            if not self._options.startup_report:
                # A measurement leaves no trace in what the person has set.
                memory.save(self._store, kept, self._remembered)
            self.hide()
            close_dialogs(self)
            self.setEnabled(False)
            self._timer.stop()
            self.session.stop(self.charts.threads())

    @Slot()
    def _threads_ended(self) -> None:
        self._ended = True
        self.close()
        self.stopped.emit()
