"""Live: the capture thread, the worker and the recorder wired up. No Qt.

Frames go capture -> mailbox -> worker -> mailbox -> whoever shows them. Switching source, model or
engine replaces a thread or is done by the worker between two frames; nothing here waits for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cpm_live.capture.base import Source
from cpm_live.capture.open import SourceRequest, is_camera, open_source
from cpm_live.capture.thread import CaptureEvent, CaptureThread
from cpm_live.core.address import is_stream
from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame
from cpm_live.core.mailbox import Mailbox
from cpm_live.core.pose import Result
from cpm_live.drawing.view import View
from cpm_live.engines.base import Engine
from cpm_live.engines.build import Progress
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.at_exit import rest_at_exit
from cpm_live.pipeline.events import Event
from cpm_live.pipeline.finding import FinderOpener, open_default_finder
from cpm_live.pipeline.gate import Gate
from cpm_live.pipeline.guarded import guarded
from cpm_live.pipeline.last_findings import LastFindings
from cpm_live.pipeline.options import Options, checked
from cpm_live.pipeline.recordings import Recordings
from cpm_live.pipeline.stats import Meter, Rate, Stats
from cpm_live.pipeline.worker import Worker
from cpm_live.recording.recorder import Recorder

if TYPE_CHECKING:
    from cpm_live.streaming.sender import KeypointSender

_SILENT_S = 8.0
"""Seconds after which a stream that says nothing has been given up."""
_CAPTURE_S = 2.0
"""Seconds that the end waits for the source before it goes on to finish a recording."""


class Live:
    """A live session.

    Every method returns at once except :meth:`stop`; all may be called from any one thread (the GUI's). As a context
    manager it is stopped at the end, and at the latest when Python ends.

    Args:
        on_result: called on the worker thread when a result lies in :attr:`results` and none lay there
            before; must not wait.
        on_event: called on any thread when :meth:`take_events` has something; must not wait. What either raises is
            logged, and the session goes on.
        opener: opens sources; engine_opener: opens engines; finder_opener: makes the finder; fakes in tests, which
            search with their engine where they bring no finder.
    """

    def __init__(
        self,
        on_result: Callable[[], None] | None = None,
        on_event: Callable[[], None] | None = None,
        opener: Callable[[SourceRequest], Source] = open_source,
        engine_opener: Callable[[Recipe, str], Engine] = open_engine,
        finder_opener: FinderOpener | None = None,
    ) -> None:
        self.results: Mailbox[Result] = Mailbox(guarded(on_result))
        self.findings = LastFindings()
        self._opener = opener
        self._on_event = guarded(on_event)
        self._events: deque[Event] = deque(maxlen=200)
        self.gate = Gate(lambda: self.recording is not None or self._sender is not None)
        self._frames = self.gate.frames
        self._generation = 0
        self._capture: CaptureThread | None = None
        self._retired: list[CaptureThread] = []
        self._capture_rate, self._pose_rate, self._meter = Rate(), Rate(), Meter()
        self._skipped_before = 0
        self.wanted: Recipe | None = None
        """The model that was asked for. The old one goes on until it is ready, but its joints do not fit what is
        chosen for the new one; whoever asked puts it back where the new one cannot be had."""
        self._view = View()
        self._recordings = Recordings(self._tell)
        self._sender: KeypointSender | None = None
        self._paused = False
        self._stopped = False
        if finder_opener is None and engine_opener is open_engine:
            finder_opener = partial(open_default_finder, 0)
        self._worker = Worker(self._frames, self._publish, self._engine_event, engine_opener, finder_opener)
        self._worker.start()
        rest_at_exit(self, has_machine=True)

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    # -- what to show -----------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """Counts switches of source; results carry the generation they belong to."""
        return self._generation

    def set_source(self, request: SourceRequest) -> None:
        """Switch to another source; its thread opens it while the old one is let go.

        Raises:
            InputError: the session was stopped.
        """
        self._refuse_stopped()
        self._generation = generation = self._generation + 1
        if self._capture is not None:
            self._capture.stop()
            self._retired.append(self._capture)
        self._retired = [thread for thread in self._retired if thread.is_alive()]
        self._forget_figures()
        self._skipped_before = self._frames.skipped
        self.pause(False)
        # A camera can only be opened once the thread before has let go of it; others need not wait.
        waiting_for = list(self._retired) if is_camera(request.text) else []

        def opener(wanted: SourceRequest) -> Source:
            while waiting_for:
                # Not kept: each thread would hold on to all before it.
                waiting_for.pop().join(timeout=5.0)
            return self._opener(wanted)

        def deliver(frame: Frame) -> None:
            if generation == self._generation:
                self._capture_rate.tick()
                self.gate.put(generation, frame)

        def tell(event: CaptureEvent) -> None:
            if generation == self._generation:
                if event.kind in ("lost", "failed"):
                    self._nobody_is_seen()
                kind = {"opened": "source"}.get(event.kind, f"source-{event.kind}")
                self._tell(Event(kind, event.message, event.info, generation=generation))

        self._capture = CaptureThread(request, deliver, tell, opener)
        self._capture.start()

    def drop_source(self) -> None:
        """Forget a source that failed: what is still on its way from it is not shown any more, and a recording of it is
        finished."""
        self._generation += 1
        self._forget_figures()
        self.stop_recording()

    def _forget_figures(self) -> None:
        """Frames that wait, rates and ages are the last source's, and so is who was seen."""
        self._nobody_is_seen()
        self.gate.clear()
        self._meter.clear()
        self._capture_rate.clear()
        self._pose_rate.clear()

    def set_model(self, recipe: Recipe, engine: str = "auto") -> None:
        """Switch model or engine; the worker loads it and goes on with the old one until it is ready."""
        self.wanted = recipe
        self._worker.load(recipe, engine)

    def as_wanted(self, result: Result) -> Result:
        """A result as it is shown and recorded: of another model than :attr:`wanted` only the picture."""
        wanted = self.wanted
        if wanted is None or result.model == wanted.name:
            return result
        return replace(result, poses=(), hands=(), left_out=0, locked=None, stage_count=0, skeleton=wanted.skeleton)

    @property
    def build_progress(self) -> Progress | None:
        """Of a TensorRT engine that is built while another one runs; None when none is."""
        return self._worker.build_progress

    def cancel_build(self) -> None:
        """Stop building; an ``engine-note`` event follows."""
        self._worker.cancel_build()

    def set_options(self, options: Options) -> None:
        """How people are looked for and followed, from the next frame on.

        Raises:
            InputError: these are no options.
        """
        self._worker.options = checked(options)

    @property
    def options(self) -> Options:
        """The options that were set last."""
        return self._worker.options

    def set_view(self, view: View) -> None:
        """What a recording shows from now on."""
        self._view = view

    def pause(self, paused: bool) -> None:
        """Stop or go on reading the source."""
        self._paused = paused
        self._worker.curious = paused
        if paused:
            self._capture_rate.clear()
            self._pose_rate.clear()
        if self._capture is not None:
            self._capture.pause(paused)
        self._recordings.pause(paused)

    @property
    def paused(self) -> bool:
        """Whether the source is paused."""
        return self._paused

    def step(self) -> None:
        """While paused: one more frame."""
        if self._capture is not None:
            self._capture.step()

    def seek(self, seconds: float) -> None:
        """Go on at this time of a film or folder, in seconds from its first picture (``SourceInfo.seconds`` are there);
        what has no times stays where it is."""
        if self._capture is not None:
            self.gate.clear()
            self._capture.seek(seconds)

    def back(self) -> None:
        """Go to the picture of a film or folder before the last one."""
        if self._capture is not None:
            self._capture.back()

    def look_again(self, frame: Frame) -> None:
        """Have a frame of this source estimated once more: the picture that stands still, by another model."""
        self._frames.put((self._generation, replace(frame, captured_ns=time.perf_counter_ns())))

    # -- recording --------------------------------------------------------------------------------

    def start_recording(self, path: Path, keypoints: bool = False) -> None:
        """Write every result from now on, annotated as shown, to a video file. Where its name is taken it gets another,
        which ``recording-done`` tells; with ``keypoints`` beside it. One at a time: a second one ``recording-failed``.

        Raises:
            InputError: the session was stopped.
        """
        self._refuse_stopped()
        self._recordings.start(path, keypoints, self._paused)

    def stop_recording(self) -> None:
        """Finish the file in the background; a ``recording-done`` event follows."""
        self._recordings.stop()

    @property
    def recording(self) -> Recorder | None:
        """The recorder at work, if any."""
        return self._recordings.current

    # -- sending ----------------------------------------------------------------------------------

    def start_sending(self, address: str) -> None:
        """Send the keypoints of every result from now on to another program, over the network (OSC), and to this one
        alone. What becomes of it :attr:`sending` says.

        Args:
            address: ``HOST:PORT``; see ``core.address.osc_receiver``.

        Raises:
            InputError: that is no address, or the session was stopped.
        """
        # Whoever sends nothing need not load it.
        from cpm_live.streaming.sender import KeypointSender

        self._refuse_stopped()
        sender = KeypointSender(address)
        self.stop_sending()
        sender.start()
        self._sender = sender

    def stop_sending(self) -> None:
        """Send no more; the other program is told that nobody is there."""
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.finish()

    def _nobody_is_seen(self) -> None:
        """For a program that listens, whoever was seen last would stand there until the next result."""
        if (sender := self._sender) is not None:
            sender.nobody()

    @property
    def sending(self) -> KeypointSender | None:
        """The sender at work, or the last one if it failed."""
        return self._sender

    # -- threads' side ----------------------------------------------------------------------------

    def _publish(self, generation: int, result: Result) -> None:
        if generation != self._generation:
            return
        result = self.as_wanted(replace(result, generation=generation))
        self._pose_rate.tick()
        self._meter.add(result)
        # Here, since whoever shows results may skip the one in which the finder ran.
        self.findings.add(result)
        if self.recording is not None:
            self._recordings.put(self.findings.filled(result), self._view)
        if (sender := self._sender) is not None:
            sender.put(result, self._view.mirror)
        self.results.put(result)

    def _engine_event(self, kind: str, message: str, asked: tuple[str, str]) -> None:
        self._meter.clear()
        self._tell(Event(kind, message, asked=asked))

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._on_event()

    def _captures(self) -> list[CaptureThread]:
        """All that may still read, those of sources before included."""
        return self._retired if self._capture is None else [*self._retired, self._capture]

    def _refuse_stopped(self) -> None:
        if self._stopped:
            raise InputError("this session was stopped; make another Live")

    # -- looking in -------------------------------------------------------------------------------

    def take_events(self) -> list[Event]:
        """The events since the last call, oldest first."""
        events = []
        while self._events:
            events.append(self._events.popleft())
        return events

    def stats(self) -> Stats:
        """The session's figures now."""
        low, high = self._meter.ages()
        recorder = self.recording
        return Stats(
            capture_fps=self._capture_rate.value(),
            pose_fps=self._pose_rate.value(),
            age_p50=low,
            age_p95=high,
            skipped=self._frames.skipped - self._skipped_before,
            steps_ms=self._meter.steps(),
            recorded=recorder.written if recorder else 0,
            record_dropped=recorder.dropped if recorder else 0,
            record_skipped=recorder.skipped if recorder else 0,
            quiet_s=self._capture_rate.quiet_s(),
        )

    @property
    def finder_moves(self) -> bool:
        """Whether the finder is being opened where the poses are: it runs on the CPU until then."""
        return self._worker.finder_moves

    @property
    def engine_label(self) -> str:
        """The engine that runs now, e.g. ``CPU (ONNX Runtime 1.32)``; empty while none is loaded."""
        return self._worker.engine_label

    def rest(self) -> None:
        """Python ends: what is recorded is finished, and no thread is inside a library any more, however often and for
        how short a time it was stopped before."""
        self.stop()
        for thread in self._captures():
            thread.join(_SILENT_S)

    def stop(self, timeout: float = 10.0) -> bool:
        """End all threads in order: capture, worker, recorder. True if all ended in time. May wait.

        Whoever stops once more waits once more for what had not ended.
        """
        self._stopped = True
        self._generation += 1
        threads = self._captures()
        if self._capture is not None:
            self._capture.stop()
        for thread in threads:
            thread.join(min(timeout, _CAPTURE_S))
        self._frames.close()
        self._worker.join(timeout)
        if (sender := self._sender) is not None:
            self.stop_sending()
            # Long enough for its last word, not for a name that nobody knows.
            sender.join(1.0)
        self.stop_recording()
        recorded = self._recordings.end(timeout)
        for thread in threads:
            # A thread that waits for a server cannot be woken; it is a daemon, and nobody takes its frames any more.
            if not is_stream(thread.request.text):
                thread.join(timeout)
        self.results.close()
        return recorded and not any(thread.is_alive() for thread in (*threads, self._worker))
