"""PoseMachine: from a frame to a result. The Python API's door."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError
from cpm_live.core.findings import Findings
from cpm_live.core.frame import Frame, Picture
from cpm_live.core.pose import Result, Steps
from cpm_live.engines.base import OPENING, Engine, Looked
from cpm_live.engines.recipe import Recipe, find_pose_model
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.at_exit import rest_at_exit
from cpm_live.pipeline.closer import look_closer
from cpm_live.pipeline.find_schedule import Schedule
from cpm_live.pipeline.finding import Finder, Search, around, open_finder_beside
from cpm_live.pipeline.follow import Follower, Scene
from cpm_live.pipeline.hands import SIZES
from cpm_live.pipeline.hands_beside import HandOpener, HandsBeside, hand_limits
from cpm_live.pipeline.options import Options, checked
from cpm_live.pipeline.show import make_pose, on_the_picture
from cpm_live.pipeline.sights import Sight, sights
from cpm_live.pipeline.tracks import Track
from cpm_live.pipeline.turns import in_turn

IDLE_HANDS = 2
"""Frames from one search for hands to the next while there are none. (Of the clips' hands every frame, every second
and every third found 58, 64 and 55 %; a search costs as much as following three hands.)"""
CLOTHES_EVERY = 4
"""Frames from one look at the clothes of somebody who is alone to the next."""
_LAST_TURN_S = 5.0
LONGEST_STEP_S = 1.0
"""Frames further apart than this follow each other as if they were not: who steps through a file by hand keeps
the people in it."""


class PoseMachine:
    """Finds people (or hands) in frames of one source and follows them from frame to frame.

    May be called from any thread; calls take turns. Use a machine for each source, and close it, or use it as a
    context manager.

    Example:
        >>> machine = PoseMachine("body", engine="cpu")
        >>> result = machine(frame_bgr)
        >>> result.poses[0].keypoints  # (K, 3): x, y in frame pixels, score
        >>> result.poses[0].beliefs  # (T, K+1, h, w)
        >>> machine.options = Options(people=1, smoothing=0.0)  # at any time

    To time N people, give frames that show N of them and ``Options(people=N)``: all of them go through the
    engine in one batch, so ``steps_ms["engine"]`` is the cost of N; ``steps_ms["find"]`` is the finder's.

    Args:
        model: a shipped model's name, the path of a recipe or of weights, or a :class:`Recipe`.
        engine: a name of ``engines.select.ENGINES`` (``auto``, ``cpu``, ``cuda``, ...), or an :class:`Engine`.
        threads: of a CPU engine that is made here; 0 chooses.
        options: see :class:`Options`; may be replaced between frames.
        finder: makes the finder, when it is first needed; None searches with the pose network. Without a word
            the shipped finder is used with engines made here (on a GPU beside one that runs there), none with an
            engine already made.
        hand_engine: makes the hand model's engine for "Body + hands", when it is first needed; asked again with each
            frame, which goes without hands, while it gives None.
        hands_failed: told in one line why that engine cannot be made; the bodies go on without hands, which are
            tried again once they have been switched off and on. Without it the error is raised.

    Raises:
        InputError: unknown model or engine, unreadable weights.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Recipe = "body",
        engine: str | Engine = "auto",
        threads: int = 0,
        options: Options | None = None,
        finder: Callable[[], Finder | None] | str | None = "auto",
        hand_engine: HandOpener | None = None,
        hands_failed: Callable[[str], None] | None = None,
    ) -> None:
        self.recipe = model if isinstance(model, Recipe) else find_pose_model(os.fspath(model))
        kind = engine if isinstance(engine, str) else "auto"
        with OPENING:
            self.engine = open_engine(self.recipe, engine, threads) if isinstance(engine, str) else engine
        self.options = checked(options or Options())
        self.finder: Finder | None = None
        hands = hand_engine or (lambda recipe: open_engine(recipe, kind, threads))
        self._hands = HandsBeside(hands, hands_failed, self.recipe.skeleton)
        if isinstance(finder, str):
            if finder != "auto":
                raise InputError(f"finder is {finder!r}; use 'auto', None, or what opens one")
            beside = partial(open_finder_beside, self.engine.describe().kind, self.recipe.kind or "", threads)
            finder = beside if isinstance(engine, str) else None
        # A finder offers what it knows: an own skeleton's animal is searched for with its own network.
        self._open_finder = finder if self.recipe.kind else None
        self._kind = self.recipe.kind or "thing"
        preset = self.engine.preset
        self.follower = Follower(self.recipe.skeleton, preset.size, preset.stride, self.recipe.margin)
        self._schedule, self._search = Schedule(), Search(self._kind, self.recipe.margin)
        self._applied: Options | None = None
        self._count = self._frames = 0
        self._missing = self._alone = False
        self.curious = False
        """Whether the picture stands still, and somebody looks at each one that they go to: the finder runs in all."""
        self._clock, self._last_s, self._size = 0.0, 0.0, (0, 0)
        self.turn = threading.RLock()
        rest_at_exit(self)

    @in_turn
    def __call__(self, frame: Picture, seconds: float | None = None) -> Result:
        """Find the poses in a frame, or in a BGR uint8 array (H, W, 3).

        Frames of one source follow each other; call :meth:`reset` before unrelated pictures. Who is new is
        looked at once more in the same frame, closer.

        Args:
            seconds: of an array: when it is shown, from the start of its film. Without it the clock on the wall counts,
                as for a camera: how joints are smoothed and followed then hangs on how fast frames are handed in.
        """
        if not isinstance(frame, Frame):
            _refuse(frame)
            # A copy: results are kept, and whoever reads a film into one buffer writes the next picture over it.
            frame = Frame(np.array(frame, order="C"), self._frames, time.perf_counter_ns(), seconds)
            self._frames += 1
        result = self._result(frame, searching=False)
        return self._with_every_hand(result) if self.curious else result

    @in_turn
    def find(self, frame: Picture, tries: int = 8) -> Result:
        """Find the poses in an unrelated picture: forget who was followed before, and who is found here after it.

        Of a large picture the finder looks at parts as well, in which people who are small to the whole are not.
        Where the finder sees nobody, up to ``tries`` places are searched with the pose network.
        """
        self.reset()
        # Unlike a lock of the source before, one that is set now is meant for this picture.
        self._applied = None
        self._alone = True
        try:
            result = self(frame)
        finally:
            self._alone = False
        findings, steps = result.finder, dict(result.steps_ms)
        for _ in range(tries - 1):
            if result.poses:
                break
            result = self._result(result.frame, searching=True)
            steps |= {name: steps.get(name, 0.0) + took for name, took in result.steps_ms.items() if name != "wait"}
        result = self._with_every_hand(replace(result, finder=findings, steps_ms=Steps(steps)))
        self.reset()
        return result

    def _with_every_hand(self, result: Result) -> Result:
        """The hands of a picture that none follows: looked for at all sizes that are otherwise tried one a frame."""
        scene, steps = self._scene(result.frame, self.options), dict(result.steps_ms)
        for _ in SIZES[1:]:
            if not self.with_hands or self._hands.hands is None or not self._hands.hands.unseen:
                break
            result = self._with_hands(result, scene, steps, again=self.curious)
        return replace(on_the_picture(result), steps_ms=Steps(steps), finished_ns=time.perf_counter_ns())

    def _result(self, frame: Frame, searching: bool) -> Result:
        options = checked(self.options)
        self._count += 1
        steps = {"wait": (time.perf_counter_ns() - frame.captured_ns) / 1e6}
        steps |= dict.fromkeys(("find", "crop", "engine", "decode"), 0.0)
        scene = self._scene(frame, options)
        before = self.follower.seen
        findings = self._look_around(frame, scene, steps, options, searching)
        kept = self._look_at(frame, scene, steps)
        if self.curious and any(track in self.follower.lost for track in before):
            # No frame follows in which they would be found elsewhere.
            findings = self._look_around(frame, scene, steps, options, searching) or findings
            kept = self._look_at(frame, scene, steps)
        if findings is not None:
            self._missing = self.follower.missing(scene)
        order = {id(track): place for place, track in enumerate(self.follower.seen)}
        kept.sort(key=lambda sight: order[id(sight.track)])
        poses = tuple(make_pose(sight, scene.limits, options.smoothing, self.engine.preset) for sight in kept)
        result = Result(
            frame=frame,
            poses=poses,
            skeleton=self.recipe.skeleton,
            model=self.recipe.name,
            stage_count=self.engine.preset.stages,
            joint_threshold=scene.limits.joint,
            hollow_threshold=scene.limits.hollow,
            finder=findings,
            # Offers of the finder that came to nothing are nobody whom a larger budget would show.
            left_out=self.follower.left_out if len(poses) >= scene.budget else 0,
            locked=self.follower.locked,
            smoothing=options.smoothing,
        )
        if not self.with_hands:
            self._hands.forgive()
        elif not self._hands.given_up:
            result = self._with_hands(result, scene, steps)
        result = on_the_picture(result)
        return replace(result, steps_ms=Steps(steps), finished_ns=time.perf_counter_ns())

    # -- the steps of a frame ---------------------------------------------------------------------

    def _scene(self, frame: Frame, options: Options) -> Scene:
        seconds = frame.captured_ns / 1e9 if frame.media_time is None else frame.media_time
        follower = self.follower
        # Asked for again after it was given up: the same value in other options is a wish once more.
        again = options is not self._applied and options.lock is not None
        again = again and follower.locked is None and follower.lock_point is None
        if self._applied is None or options.lock != self._applied.lock or again:
            follower.lock(options.lock)
        self._applied = options
        step = seconds - self._last_s
        self._clock += min(step, LONGEST_STEP_S) if step > 0 else 0.0
        self._last_s = seconds
        before, self._size = self._size, (frame.width, frame.height)
        if before not in ((0, 0), self._size):
            # A camera or stream that goes on at another resolution: the same people, in other pixels.
            across, down = frame.width / before[0], frame.height / before[1]
            self.follower.rescale(across, down)
            if self._hands.hands is not None:
                self._hands.hands.rescale(across, down)
        limits, budget = options.thresholds(self.recipe), options.budget(self.recipe.skeleton.name)
        return Scene(self._clock, frame.width, frame.height, limits, budget, options.region)

    def _look_around(
        self, frame: Frame, scene: Scene, steps: dict[str, float], options: Options, searching: bool
    ) -> Findings | None:
        """Begin the frame: where it is due, let the finder suggest places, or the search without one."""
        follower = self.follower
        follower.begin(scene)
        seen = follower.seen
        worried = any(track.looked_for(scene.now) for track in follower.lost)
        worried = worried or any(track.presence < scene.limits.find for track in seen) or self._missing
        # Hands move faster than their owners, and fewer of them are seen at the first look; but looking for them
        # means looking at bodies and at several places, too much for every frame while there is none.
        every, idle = options.finder_every, 1
        if self._kind == "hand":
            every, idle = max(1, round(0.75 * every)), IDLE_HANDS
        due = self._schedule.due(scene.now, len(seen), worried, 1 if self.curious else every, idle)
        if not (due or searching) or (follower.locked is not None and seen and not follower.doubtful):
            return None
        if follower.lock_point is not None:
            # Somebody was pointed at whom nobody has found yet: look there whatever the finder says.
            follower.suggest(around(follower.lock_point, self._kind, frame.width, frame.height), scene, finder=False)
        finder = self._the_finder()
        if finder is None or searching:
            if len(seen) < scene.budget:
                follower.suggest([self._search.next(frame.width, frame.height, scene.region)], scene, finder=False)
            return None
        findings = finder(frame.image, self._kind, scene.region)
        steps["find"] += findings.took_ms
        found = findings.found
        if self._alone:
            started = time.perf_counter()
            found += look_closer(finder, frame.image, self._kind, scene.region, found)
            steps["find"] += (time.perf_counter() - started) * 1e3
        offers = [f for f in found if f.kind == self._kind and (f.vouched or f.score >= scene.limits.finder)]
        follower.suggest(offers, scene)
        return findings

    def _look_at(self, frame: Frame, scene: Scene, steps: dict[str, float]) -> list[Sight]:
        """Look at everybody in one batch, and once more, closer, at who is new."""
        follower = self.follower
        kept, fresh = follower.learn(self._look(frame, follower.wanted(scene), scene, steps), scene)
        if fresh:
            kept += follower.confirm(fresh, self._look(frame, follower.closer(fresh), scene, steps), kept, scene)
        if follower.locked is not None:
            # It may have taken hold of somebody in this very frame.
            kept = [sight for sight in kept if sight.track.id == follower.locked]
        return kept

    def _look(
        self, frame: Frame, wanted: Sequence[tuple[Track, Crop]], scene: Scene, steps: dict[str, float]
    ) -> list[Sight]:
        if not wanted:
            return []
        skeleton = self.recipe.skeleton
        looked = self.engine.look(frame.image, [crop for _, crop in wanted], len(skeleton))
        started = time.perf_counter()
        # Who is alone is known by their place; their clothes are only kept in mind for when somebody comes.
        dressed = len(self.follower.tracks) > 1 or self.follower.locked is not None or self._count % CLOTHES_EVERY == 0
        out = sights(looked, wanted, frame.image, skeleton, scene.limits, dressed)
        _add(steps, looked)
        steps["decode"] += (time.perf_counter() - started) * 1e3
        return out

    def _with_hands(self, result: Result, scene: Scene, steps: dict[str, float], again: bool = False) -> Result:
        """The result with the hands at its bodies' wrists."""
        started = time.perf_counter()
        hands = self._hands()
        if hands is None:
            return result
        options, limits = Options(smoothing=self.options.smoothing), hand_limits(hands.recipe)
        # A wrist may be doubtful: whether a hand is there the hand network says.
        found = hands(result.frame.image, result.poses, scene.limits.follow, scene.now, options, again)
        steps["hands"] = steps.get("hands", 0.0) + (time.perf_counter() - started) * 1e3
        return replace(
            result,
            hands=found,
            hand_skeleton=hands.recipe.skeleton,
            hand_stages=hands.engine.preset.stages,
            hand_thresholds=(limits.joint, limits.hollow),
        )

    def _the_finder(self) -> Finder | None:
        if self._open_finder is not None:
            try:
                self.finder = self._open_finder()
            except InputError:
                self._open_finder = None
                raise
            # Not before: who interrupts it, as one does in a notebook, still wants it.
            self._open_finder = None
        return self.finder

    @in_turn
    def use_finder(self, finder: Finder) -> Finder | None:
        """Look for people with another finder from now on.

        Returns:
            The one before, to be closed by the caller.
        """
        before, self.finder, self._open_finder = self.finder, finder, None
        return before

    @property
    def with_hands(self) -> bool:
        """Whether the hands at the wrists are looked at as well."""
        return self.options.hands and self.recipe.skeleton.name == "body"

    @in_turn
    def swap(self, engine: Engine, hand_engine: HandOpener) -> Engine:
        """Go on with another engine of the same network; whoever is followed stays. Hands at the wrists go on with
        theirs until ``hand_engine`` gives another.

        Returns:
            What ran before, to be closed by the caller.
        """
        before, self.engine = self.engine, engine
        self._hands.swap(hand_engine, self.with_hands)
        return before

    # -- the end ----------------------------------------------------------------------------------

    @in_turn
    def reset(self) -> None:
        """Forget everybody: another source begins."""
        self.follower.reset()
        self._schedule.reset()
        self._search.reset()
        self._size, self._frames, self._missing = (0, 0), 0, False
        if self.finder is not None:
            self.finder.reset()
        if self._hands.hands is not None:
            self._hands.hands.reset()

    def __enter__(self) -> PoseMachine:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def rest(self) -> None:
        """Take no turn any more: Python ends, and whoever is in one has ended it, or has had the time to."""
        self.turn.acquire(timeout=_LAST_TURN_S)

    @in_turn
    def close(self) -> None:
        """Close the engines."""
        self.engine.close()
        if self.finder is not None:
            self.finder.close()
        self._hands.close()


def _refuse(picture: object) -> None:
    """What is no BGR array: pictures of other libraries are RGB, and people are lost in exchanged colours."""
    if not isinstance(picture, np.ndarray):
        raise InputError(
            f"a {type(picture).__name__} is no frame; give a BGR uint8 array (H, W, 3), for pictures in RGB "
            "cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR)"
        )


def _add(steps: dict[str, float], looked: Looked) -> None:
    steps["crop"] += looked.crop_ms
    steps["engine"] += looked.engine_ms
    steps["decode"] += looked.decode_ms
