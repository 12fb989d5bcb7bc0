"""The live session as the window sees it: wishes go in, results and notices come out. No widgets."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot

from cpm_live.capture.base import SourceInfo
from cpm_live.capture.camera import Device
from cpm_live.capture.open import SourceRequest, is_camera, is_demo
from cpm_live.capture.resolution import USUAL, Resolution, written
from cpm_live.core.errors import InputError
from cpm_live.core.pose import Result
from cpm_live.drawing.finder import is_finder
from cpm_live.drawing.view import View
from cpm_live.engines.recipe import Recipe, find_pose_model
from cpm_live.gui.background import in_background
from cpm_live.gui.banner import Notice, sentence
from cpm_live.gui.bridge import Bridge
from cpm_live.gui.first_source import FirstSource
from cpm_live.gui.openers import Openers, default_openers
from cpm_live.gui.shortcuts import key_for
from cpm_live.gui.snapshot import OTHER_FOLDER, recording_path, write_snapshot
from cpm_live.pipeline.live import Event, Live
from cpm_live.pipeline.options import Options

_FULL = os.strerror(errno.ENOSPC)


class Session(QObject):
    """Owns :class:`Live`, decides what to open, and turns its events into signals.

    Signals:
        result: a fresh :class:`Result`.
        notice: a :class:`Notice` for the banner.
        source_opening, source_opened, source_failed: what plays.
        source_refused: what was asked for does not play; what does instead, if anything, the others say.
        model_wanted, model_ready, model_failed: skeleton name, engine label, name of what runs instead.
        paused_changed, recording_changed: states.
        stopped: every thread has ended.
    """

    result = Signal(object)
    notice = Signal(object)
    source_opening = Signal(str)
    source_opened = Signal(str, object)
    source_failed = Signal(str)
    source_refused = Signal()
    model_wanted = Signal(str)
    model_ready = Signal(str)
    model_failed = Signal(str)
    paused_changed = Signal(bool)
    recording_changed = Signal(bool)
    stopped = Signal()

    def __init__(self, openers: Openers | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        openers = openers or default_openers()
        self._openers = openers
        self.size: Resolution = USUAL
        self._size_before: Resolution | None = None
        """What cameras are asked for; and were, of the one that is being opened with another resolution."""
        self.bridge = Bridge(self)
        self._first = FirstSource(self, openers)
        self.live = Live(self.bridge.on_result, self.bridge.on_event, self._first.open, openers.engine, openers.finder)
        self.bridge.result_ready.connect(self._take_result, Qt.ConnectionType.QueuedConnection)
        self.bridge.events_ready.connect(self._take_events, Qt.ConnectionType.QueuedConnection)
        self.latest: Result | None = None
        self.info: SourceInfo | None = None
        self.engine = "auto"
        self._asked = self._played = ""
        """What was asked for last, and the last one that opened: where the next one does not, it is gone back to."""
        self._left: tuple[float | None, bool] = (None, False)
        self.went_back = False
        """What plays, or is being opened, is gone back to."""
        self.recipe: Recipe | None = None
        self._running: tuple[Recipe | None, str] = (None, "auto")
        self._paths: dict[str, str] = {}
        self._wished: dict[tuple[str, str], Recipe] = {}
        self._first_source = True
        self._nothing = False
        """No source plays, and none is being opened."""
        self._stopping = self._finding = self._waiting = self._lost = False
        self._camera_asked = 0
        self._writing: list[threading.Thread] = []

    # -- source -----------------------------------------------------------------------------------

    def start(self, source: str | None, saved: str = "", patient: bool = False) -> None:
        """Open the first source; see :meth:`FirstSource.start`."""
        self._first.start(source, saved, patient)

    @property
    def stopping(self) -> bool:
        """Whether the end was asked for."""
        return self._stopping

    def request(self, text: str) -> SourceRequest:
        """How a source is asked for here."""
        return SourceRequest(text, size=self.size, demo_kind=self.kind)

    @property
    def source(self) -> str:
        """What plays or is being opened, as it was asked for; all demos are ``demo``."""
        return "demo" if is_demo(self._asked) else self._asked

    def open(self, text: str, first: bool = False, back: bool = False) -> None:
        """Play another source; where that does not open, this one goes on where it stands now.

        Args:
            first: of the session: where that does not open, the demo may take its place.
            back: it is this one.
        """
        latest = self.latest
        if latest is not None and latest.generation == self.live.generation and self._asked == self._played:
            self._left = latest.frame.media_time, self.live.paused
        self.went_back, self._size_before = back, None
        self._first_source, self._nothing, self._lost, self._asked = first, False, False, text
        was_paused = self.live.paused
        self.live.set_source(self.request(text))
        self.source_opening.emit(self.source)
        if was_paused:
            self.paused_changed.emit(False)

    def ask_for(self, size: Resolution) -> None:
        """Ask cameras for another resolution, a lost one once it is back; one that cannot goes on with its own."""
        before, self.size = self.size, size
        if size != before and is_camera(self.source) and not self._lost:
            good = self._size_before or (before if self._played == self._asked else None)
            self.open(self.source)
            self._size_before = good

    def open_camera(self) -> None:
        """Play the first camera there is."""
        self._camera_asked = self.live.generation
        in_background("list-cameras", self._openers.cameras, self._open_first, self)

    def _open_first(self, cameras: list[Device] | None) -> None:
        # Listing takes a while; whoever chose something else meanwhile keeps it.
        if self._stopping or self.live.generation != self._camera_asked:
            return
        if cameras or self.info is None:
            # With none, opening camera 0 fails with a line that says so.
            self.open(f"camera:{cameras[0].index}" if cameras else "camera:0")
        else:
            self.source_refused.emit()
            self.notice.emit(Notice("warning", "No camera found: plug one in, then press C again.", 6))

    def _source_failed(self, message: str) -> None:
        if self._first_source and not (message := self._first.failed(message)):
            return
        if before := self._size_before:
            message = f"{message}. It was asked for {written(self.size)}, and goes on with {written(before)}"
            self.size = before
        self.source_refused.emit()
        if self._played and (before or self._played != self._asked):
            self._go_back(*self._left)
            self.notice.emit(Notice("error", sentence(message)))
            return
        self.live.drop_source()
        self._played, self.latest, self.info, self._nothing = "", None, None, True
        if self.live.paused:
            self.toggle_pause()
        self.source_failed.emit(self.source)
        self.notice.emit(Notice("error", sentence(message), about="source"))

    def _go_back(self, at: float | None, paused: bool) -> None:
        self.open(self._played, back=True)
        if at is not None:
            self.live.seek(at)
        if paused:
            self.toggle_pause()

    # -- model ------------------------------------------------------------------------------------

    @property
    def kind(self) -> str:
        """``body`` or ``hand``: what the wanted model looks for."""
        return self.recipe.skeleton.name if self.recipe is not None else "body"

    def path_of(self, name: str) -> str:
        """What opens a model that had been opened by its path; for ours that is its name."""
        return self._paths.get(name, name)

    def set_model(self, model: str, engine: str | None = None) -> bool:
        """Run another model or engine; the demo shows what it looks for. Whether there is such a model.

        Args:
            model: path of a recipe or of weights, or the name of a model of ours or of one that had been opened.
        """
        try:
            recipe = find_pose_model(path := self.path_of(model))
        except InputError as error:
            self.notice.emit(Notice("error", sentence(str(error))))
            return False
        if recipe.name != path:
            # The folder may be another one when the window is opened again.
            self._paths[recipe.name] = os.path.abspath(path)
        was = self.kind
        self.recipe, self.engine = recipe, engine or self.engine
        self._load(recipe)
        self.model_wanted.emit(recipe.skeleton.name)
        if self.source == "demo" and recipe.skeleton.name != was:
            self.open("demo")
        return True

    def set_engine(self, engine: str) -> None:
        """Run the same model on another engine."""
        self.engine = engine
        if self.recipe is not None:
            self._load(self.recipe)

    def _load(self, recipe: Recipe) -> None:
        self._wished[recipe.name, self.engine] = recipe
        self._waiting = True
        self.live.set_model(recipe, self.engine)

    def _model_failed(self, message: str) -> None:
        self._waiting = False
        recipe, engine = self._running
        if self.live.engine_label and recipe is not None:
            # What ran before still runs: let the window say so.
            was, self.recipe, self.engine, self.live.wanted = self.kind, recipe, engine, recipe
            if self.source == "demo" and self.kind != was:
                self.open("demo")
        self.model_failed.emit(self.kind)
        self.notice.emit(Notice("error", sentence(message)))

    # -- playing and keeping ----------------------------------------------------------------------

    def set_view(self, view: View) -> None:
        """What recordings show from now on."""
        self.live.set_view(view)
        before, self._finding, latest = self._finding, is_finder(view.joint), self.latest
        begins = self._finding and not before and self.live.paused
        if begins and latest is not None and self.live.findings.age_s(latest):
            # The finder ran in another frame than the one that stands still.
            self.live.look_again(latest.frame)

    def set_options(self, options: Options) -> None:
        """How people are looked for and followed from the next frame on; a still picture shows the thresholds now."""
        before = self.live.options
        self.live.set_options(options)
        shown = replace(before, joint_threshold=options.joint_threshold, hollow_threshold=options.hollow_threshold)
        # A model that is on its way looks at the picture anew.
        if self.live.paused and shown != options and not self._waiting:
            self.notice.emit(Notice("info", f"This counts from the next frame on ({key_for('step')} steps there).", 5))
        latest, recipe = self.latest, self.recipe
        if self.live.paused and latest is not None and recipe is not None and latest.model == recipe.name:
            limits = options.thresholds(recipe)
            self.latest = replace(latest, joint_threshold=limits.joint, hollow_threshold=limits.hollow)
            self.result.emit(self.latest)

    def toggle_pause(self) -> None:
        """Pause or go on."""
        if self._nothing and not self.live.paused:
            return
        self.live.pause(not self.live.paused)
        self.paused_changed.emit(self.live.paused)

    def step(self) -> None:
        """One frame further, when paused."""
        if self.live.paused:
            self.live.step()

    def toggle_recording(self, folder: Path | None, keypoints: bool = False) -> None:
        """Start or finish a recording."""
        if self.live.recording is not None:
            self.live.stop_recording()
        elif self.latest is None:
            self.notice.emit(Notice("warning", "Nothing to record yet: open a source first.", 5))
        else:
            try:
                self.live.start_recording(recording_path(folder), keypoints)
            except InputError as error:
                self.notice.emit(Notice("error", sentence(str(error))))
        self.recording_changed.emit(self.live.recording is not None)

    def snapshot(self, view: View, folder: Path | None, stages: bool = False) -> None:
        """Write what is shown as a PNG, off the GUI thread."""
        result = self.latest
        if result is None:
            self.notice.emit(Notice("warning", "Nothing to take a snapshot of yet: open a source first.", 5))
            return
        result = (stages and is_finder(view.joint) and self.live.findings.last(result)) or result  # as in the strip
        shown = result if self.live.options.lock is not None else replace(result, locked=None)  # as on the picture
        write = partial(write_snapshot, shown, view, folder, stages)
        thread = in_background("snapshot", write, self._snapshot_done, self)
        self._writing = [*(other for other in self._writing if other.is_alive()), thread]

    def _snapshot_done(self, answer: Path | str | None) -> None:
        if isinstance(answer, Path):
            self.notice.emit(Notice("done", f"Snapshot saved: {answer}", 6))
        else:
            self.notice.emit(Notice("error", sentence(answer or "the snapshot failed; see the log")))

    # -- from the threads -------------------------------------------------------------------------

    @Slot()
    def _take_result(self) -> None:
        result = self.live.results.take_now()
        if result is None or result.generation != self.live.generation or self._stopping:
            return
        # Another model may have been asked for since. The finder's view needs its last answer, which may have come
        # with a result that we did not see.
        result = self.live.findings.filled(self.live.as_wanted(result))
        self.latest = result
        self.result.emit(result)

    @Slot()
    def _take_events(self) -> None:
        for event in self.live.take_events():
            if not self._stopping:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        if event.generation not in (None, self.live.generation):
            return  # of a source that was left meanwhile
        stale = self.recipe is None or event.asked != (self.recipe.name, self.engine)
        match event.kind:
            case "source":
                self._first_source, self.info, self._size_before, self._lost = False, event.info, None, False
                self._asked = self._played = (event.info.name_now if event.info else "") or self._asked
                if not self.went_back:
                    # Of the one before: this one has shown nothing yet.
                    self._left = (None, False)
                self.source_opened.emit(self.source, event.info)
            case "source-failed":
                self._source_failed(event.message)
            case "source-lost":
                self._lost = True
                self.notice.emit(Notice("warning", sentence(event.message), about="source"))
            case "source-note":
                self.notice.emit(Notice("warning", sentence(event.message), 8))
            case "source-ended":
                self.notice.emit(Notice("info", sentence(event.message), 6))
            case "engine" if stale:
                # The answer to an earlier wish: it runs for now, the one waited for is still to come.
                same = self.recipe if self.recipe is not None and self.recipe.name == event.asked[0] else None
                self._running = (self._wished.get(event.asked) or same, event.asked[1])
                if same is not None and not self._waiting:
                    # What was asked for failed, and this one runs in its stead.
                    self.engine = event.asked[1]
                    self.model_ready.emit(event.message)
            case "engine-failed" if stale:
                pass  # nobody waits for that one any more
            case "engine":
                self._running = (self.recipe, self.engine)
                self._waiting = False
                self.model_ready.emit(event.message)
                latest, recipe = self.latest, self.recipe
                shown = latest is not None and recipe is not None and latest.model == recipe.name
                if self.live.paused and not (shown and latest is not None and latest.stage_count):
                    # The picture stands still without the new model's view of it.
                    if latest is not None and latest.generation == self.live.generation:
                        self.live.look_again(latest.frame)
                    else:
                        self.live.step()
            case "engine-note":
                self.notice.emit(Notice("warning", sentence(event.message), 12))
            case "engine-failed":
                self._model_failed(event.message)
            case "recording":
                self.recording_changed.emit(True)
            case "recording-done":
                self.recording_changed.emit(self.live.recording is not None)
                about = event.message.partition(": ")[2] or event.message
                self.notice.emit(Notice("done", f"Recording saved: {event.path} ({about})", 8))
            case "recording-empty":
                self.recording_changed.emit(self.live.recording is not None)
                self.notice.emit(Notice("info", sentence(event.message), 5))
            case "recording-failed":
                self.recording_changed.emit(self.live.recording is not None)
                space = "free some space there, or " if _FULL in event.message else ""
                advice = f"; {space}{OTHER_FOLDER}" if event.message.startswith("cannot write") else ""
                self.notice.emit(Notice("error", sentence(event.message + advice)))

    # -- the end ----------------------------------------------------------------------------------

    def stop(self, others: Sequence[threading.Thread] = ()) -> None:
        """End all threads off this one; ``stopped`` follows. A running recording is finished first."""
        if self._stopping:
            return
        self._stopping = True
        self.bridge.close()
        looking = self._first.stop()

        def work() -> None:
            self.live.stop(timeout=30.0)
            for thread in (*self._writing, *looking, *others):
                thread.join(timeout=10.0)

        in_background("stop", work, lambda _answer: self.stopped.emit(), self)
