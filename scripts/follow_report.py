"""Everything about finding and following, measured again in one command.

    python scripts/follow_report.py ../shared/data/webcam [PART ...]

PART is counts, hands, boxes, body+hands, raised, crossings, exits, empty or jitter; without one, all of them; or
varied, which takes two minutes more. What is right:

* counts: a frame of a clip is right with exactly one person. In bird and please a second person's head and
  shoulder stand at the right edge: there one or two are right, and the share of two is printed. (sorry and
  milk show that person's shoulder only, student a sliver of a head: one is right.)
* agreement: shoulders, elbows and wrists of the pose nearest to the reference, within 0.2 torso.
* legs: how often a knee or an ankle of somebody is drawn; nobody's are in these pictures.
* hands: a reference hand is found when most joints lie within 0.2 of its box's longer side. A hand found in a
  reference frame is false when its middle lies near no reference hand and near no reference wrist: the
  reference leaves out hands it was not sure of.
* varied: hands in both modes, in the clips as they are and begun a frame later, mirrored, darker, and mirrored and
  smaller: with 104 hands alone four more or less are chance.
* boxes: the hand network alone, looking at the reference's own boxes, wider and wider: the most that following reaches.
* raised: webcam pictures of the validation split, a hand held up in each, as a still of seven frames. In the last
  four of them the labelled hand is found or not; whatever else is taken for a hand may be one that has no label.
* crossings: two clips side by side slide over each other; numbers are compared before and after.
* exits: black frames inside a clip; times until nobody is drawn, and until somebody is again.
* empty: pieces of photographs beside their people, five frames each.
* jitter: one picture with fresh noise in each frame; lag: how many frames behind the raw joints.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from follow_scenes import Change, Crossing, Image, as_frame, clip_frames, crossing, empty_rooms, exits, still
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.pose import Pose
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.engines import recipe as recipes
from cpm_live.engines.select import open_engine
from cpm_live.pipeline.machine import PoseMachine
from cpm_live.pipeline.options import Options
from cpm_live.pipeline.sights import sights
from cpm_live.pipeline.tracks import Track
from cpm_live.training import dataset

LEGS = [BODY.joints.index(f"{side}_{part}") for part in ("knee", "ankle") for side in ("right", "left")]
ARMS = [f"{side}_{part}" for part in ("shoulder", "elbow", "wrist") for side in ("right", "left")]
TWO = {"bird", "please"}
CROSSINGS = [
    Crossing(("milk", "again"), 6.0),
    Crossing(("again", "milk"), 6.0),
    Crossing(("thanks", "yes"), 10.0),
    Crossing(("no", "sorry"), 4.0),
    Crossing(("milk", "brother"), 6.0, back=True),
    Crossing(("student", "thanks"), 8.0, back=True),
    Crossing(("yes", "again"), 6.0),  # the same person twice: nothing but the way tells them apart
]


def torso(body: dict[str, list[float]]) -> float:
    """The reference length of one labelled frame, in pixels."""
    if "left_shoulder" in body and "right_hip" in body:
        return float(np.hypot(*np.subtract(body["left_shoulder"][:2], body["right_hip"][:2])))
    return 1.5 * float(np.hypot(*np.subtract(body["left_shoulder"][:2], body["right_shoulder"][:2])))


def nearest(poses: tuple[Pose, ...], joints: list[int], at: NDArray[np.floating]) -> Pose | None:
    """The pose whose joints lie nearest to where the reference has them."""
    return min(poses, key=lambda p: float(np.hypot(*(p.keypoints[joints, :2] - at).T).mean()), default=None)


def counts_and_agreement(folder: Path, reference: dict[str, Any]) -> None:
    """Number of people in each clip, and where their arms are."""
    machine = PoseMachine("body")
    right_all, good_all, ids_all, legs = [], defaultdict(list), [], []
    print("clip         exact  none  more   two  | agreement | numbers used")
    for clip in sorted(reference):
        machine.reset()
        seen: Counter[int] = Counter()
        ids: set[int] = set()
        good: list[bool] = []
        for index, image in enumerate(clip_frames(folder, clip)):
            result = machine(as_frame(image, index))
            seen[len(result.poses)] += 1
            ids |= {pose.id for pose in result.poses}
            for somebody in result.poses:
                beliefs = somebody.keypoints[LEGS, 2]
                legs.append([beliefs >= result.joint_threshold, beliefs >= result.hollow_threshold])
            labels = reference[clip]["frames"].get(str(index))
            if labels is None:
                continue
            named = [joint for joint in ARMS if joint in labels["body"]]
            joints = [result.skeleton.index(joint) for joint in named]
            at = np.array([labels["body"][joint][:2] for joint in named])
            pose = nearest(result.poses, joints, at)
            for joint, number, place in zip(named, joints, at, strict=True):
                hit = pose is not None and float(np.hypot(*(pose.keypoints[number, :2] - place))) <= 0.2 * torso(
                    labels["body"]
                )
                good.append(hit)
                good_all[joint.partition("_")[2]].append(hit)
        frames = sum(seen.values())
        exact = seen[1] + (seen[2] if clip in TWO else 0)
        right_all.append((exact, frames))
        ids_all.append(len(ids))
        shares = [100 * n / frames for n in (exact, seen[0], frames - exact - seen[0], seen[2])]
        print(f"{clip:10} " + " ".join(f"{s:6.1f}" for s in shares) + f"  | {100 * np.mean(good):6.1f} %  | {len(ids)}")
    exact, frames = np.sum(right_all, axis=0)
    everything = [hit for row in good_all.values() for hit in row]
    print(
        f"exact number of people: {100 * exact / frames:.1f} % of {frames} frames; {sum(ids_all)} numbers in 11 clips"
    )
    print(f"agreement: {100 * np.mean(everything):.1f} % of {len(everything)}  "
          + "  ".join(f"{name} {100 * np.mean(row):.1f}" for name, row in good_all.items()))  # fmt: skip
    full, drawn = 100 * np.mean(legs, axis=(0, 2))
    print(f"legs that are not there: {full:.1f} % drawn full, {drawn - full:.1f} % hollow, of {4 * len(legs)}")


def is_hand(joints: NDArray[np.floating], at: NDArray[np.floating]) -> bool:
    """Whether most joints (21, 3) lie within 0.2 of the box's longer side of a hand's (21, 2); nan: not labelled."""
    known = ~np.isnan(at[:, 0])
    away = np.hypot(*(joints[known, :2] - at[known]).T)
    return bool(np.mean(away <= 0.2 * np.ptp(at[known], axis=0).max()) > 0.5)


def hands(folder: Path, reference: dict[str, Any], mode: str, changes: Sequence[Change] = (Change(),)) -> None:
    """Recall and false rate of hands; ``mode`` is ``hand`` (the hand model alone) or ``body`` (Body + hands)."""
    machine = PoseMachine("hand") if mode == "hand" else PoseMachine("body", options=Options(hands=True))
    recalled, sided, false = [], [], []
    for change, clip in product(changes, sorted(reference)):
        machine.reset()
        for index, image in list(enumerate(clip_frames(folder, clip)))[change.late :]:
            result = machine(as_frame(change.image(image), index))
            labels = reference[clip]["frames"].get(str(index))
            if labels is None:
                continue
            poses = result.poses if mode == "hand" else result.hands
            truths = [
                (change.points(hand["keypoints"], image), change.side(hand["persons_hand"])) for hand in labels["hands"]
            ]
            for at, side in truths:
                hits = [pose for pose in poses if is_hand(pose.keypoints, at)]
                recalled.append(bool(hits))
                if hits and hits[0].side is not None:
                    sided.append(hits[0].side == side)
            body = {name: change.points(joint[:2], image) for name, joint in labels["body"].items()}
            reach = 0.6 * abs(body["left_shoulder"][0] - body["right_shoulder"][0])
            wrists = [body[name] for name in ("left_wrist", "right_wrist") if name in body]
            spots = [*wrists, *(at.mean(axis=0) for at, _ in truths)]
            for pose in poses:
                middle = pose.keypoints[:, :2].mean(axis=0)
                false.append(not any(np.hypot(*(middle - spot)) <= reach for spot in spots))
    name = "Hand" if mode == "hand" else "Body + hands"
    print(
        f"{name:13} recall {100 * np.mean(recalled):5.1f} % of {len(recalled)};  "
        f"false {100 * np.mean(false) if false else 0:4.1f} % of {len(false)};  "
        f"side right {100 * np.mean(sided) if sided else float('nan'):5.1f} % of {len(sided)}"
    )


def varied(folder: Path, reference: dict[str, Any]) -> None:
    """Hands once more, in the clips changed a little."""
    changes = (Change(), Change(late=1), Change(mirrored=True), Change(gamma=1.25), Change(scale=0.85, mirrored=True))
    for mode in ("hand", "body"):
        hands(folder, reference, mode, changes)


def boxes(folder: Path, reference: dict[str, Any]) -> None:
    """The hands that one look into the reference's own box gets right, for some margins around it."""
    recipe = recipes.find("hand")
    engine = open_engine(recipe, "cpu", 2)
    preset, right = engine.preset, defaultdict(list)
    for clip in sorted(reference):
        for index, image in enumerate(clip_frames(folder, clip)):
            for hand in reference[clip]["frames"].get(str(index), {"hands": []})["hands"]:
                at = np.asarray(hand["keypoints"])[:, :2]
                low, high = np.nanmin(at, axis=0), np.nanmax(at, axis=0)
                for margin in (1.4, 1.7, 2.0, 2.4):
                    crop = Crop.around((*low, *(high - low)), preset.size, preset.stride, margin)
                    sight = sights(
                        engine.look(image, [crop], len(HAND)), [(Track(crop.box), crop)], image, HAND,
                        Options().thresholds(recipe), dressed=False,
                    )[0]  # fmt: skip
                    right[margin].append(is_hand(sight.joints, at))
    engine.close()
    for margin, hits in right.items():
        print(f"{margin} times the reference's box: {100 * np.mean(hits):.1f} % of {len(hits)} right")


def raised(data: Path) -> None:
    """Hands held up to the camera, in both modes."""
    bodies = {sample.name for sample in dataset.load(data, BODY, "val") if sample.source == "webcam-pseudo"}
    pictures = [sample for sample in dataset.load(data, HAND, "val") if sample.name in bodies]
    for mode, machine in (
        ("Hand", PoseMachine("hand")),
        ("Body + hands", PoseMachine("body", options=Options(hands=True))),
    ):
        found, shown = [], []
        for sample in pictures:
            machine.reset()
            image = sample.image()
            at = np.where(sample.joints[:, 2:] > 0, sample.joints[:, :2], np.nan)
            for index in range(7):
                result = machine(as_frame(image, index))
                poses = result.poses if mode == "Hand" else result.hands
                if index >= 3:
                    found.append(any(is_hand(pose.keypoints, at) for pose in poses))
                    shown.append(len(poses))
        print(f"{mode:13} found {100 * np.mean(found):5.1f} % of {len(pictures)};  hands shown {np.mean(shown):.2f}")


def crossings(folder: Path) -> None:
    """Numbers before and after two people cross."""
    kept = 0
    for scene in CROSSINGS:
        machine = PoseMachine("body")
        clips = (clip_frames(folder, scene.names[0]), clip_frames(folder, scene.names[1]))
        rows: list[tuple[tuple[float, float], dict[int, float]]] = []
        for index, (image, middles) in enumerate(crossing(clips, scene)):
            result = machine(as_frame(image, index))
            rows.append((middles, {p.id: float(p.keypoints[[8, 9, 12], 0].mean()) for p in result.poses}))
        apart = [abs(a - b) > 340 for (a, b), _ in rows]
        first = apart.index(False)
        last = len(apart) - 1 - apart[::-1].index(False)
        before, after = _who(rows[:first]), _who(rows[last + 1 :])
        after_at = [next((n for n, (m, p) in enumerate(rows[last + 1 :]) if _near(p, m[k]) == before[k]), None)
                    for k in (0, 1)]  # fmt: skip
        same = before == after and None not in before
        kept += same
        way = "turn back" if scene.back else "pass"
        print(f"{scene.names[0]:8} behind {scene.names[1]:8} {scene.speed:4.0f} px/frame, {way:9}: before {before}, "
              f"after {after} {'kept' if same else 'NOT KEPT'}; own number again after {after_at} frames")  # fmt: skip
    print(f"crossings with both numbers kept: {kept} of {len(CROSSINGS)}")


def _near(people: dict[int, float], x: float) -> int | None:
    return min((p for p in people if abs(people[p] - x) < 100), key=lambda p: abs(people[p] - x), default=None)


def _who(rows: list[tuple[tuple[float, float], dict[int, float]]]) -> list[int | None]:
    """The number that most often stands where each of the two people is."""
    out: list[int | None] = []
    for person in (0, 1):
        votes = Counter(number for middles, people in rows if (number := _near(people, middles[person])) is not None)
        out.append(votes.most_common(1)[0][0] if votes else None)
    return out


def leaving(folder: Path, reference: dict[str, Any]) -> None:
    """Pick-up and loss around black frames."""
    for dark in (6, 15, 45, 90):
        picked, lost, same = [], [], []
        for clip in sorted(reference):
            machine = PoseMachine("body")
            images, gone, again = exits(clip_frames(folder, clip), dark)
            shown = [{p.id for p in machine(as_frame(image, i)).poses} for i, image in enumerate(images)]
            picked += [_until(shown[:gone], True), _until(shown[again:], True)]
            lost.append(_until(shown[gone:again], False))
            same.append(bool(shown[gone - 1] & shown[-1]))
        print(f"black for {dark / 30:3.1f} s: drawn after {np.mean(picked) / 30:.2f} s (worst {max(picked) / 30:.2f}), "
              f"gone after {np.mean(lost) / 30:.2f} s (worst {max(lost) / 30:.2f}), "
              f"same number in {np.mean(same) * 100:.0f} %")  # fmt: skip


def _until(shown: list[set[int]], somebody: bool) -> int:
    return next((n for n, ids in enumerate(shown) if bool(ids) == somebody), len(shown))


def empty(data: Path) -> None:
    """People that are drawn where there are none."""
    for model in ("body", "hand"):
        machine = PoseMachine(model)
        false: dict[str, list[int]] = defaultdict(list)
        for source, picture in empty_rooms(data):
            machine.reset()
            for index in range(5):
                moved = np.roll(picture, index, axis=1)
                false[source].append(len(machine(as_frame(moved, index)).poses))
        rows = [f"{source} {1000 * np.mean(row):.0f} ({len(row)} frames)" for source, row in sorted(false.items())]
        everything = [n for row in false.values() for n in row]
        print(f"{model}: {1000 * np.mean(everything):.0f} false per 1,000 frames; " + ", ".join(rows))


def jitter(folder: Path) -> None:
    """Trembling of a still person and delay of a moving one, for some places of the slider."""
    pictures = [clip_frames(folder, clip)[20] for clip in ("again", "thanks")]
    moving = clip_frames(folder, "brother")
    raw: NDArray[np.floating] | None = None
    for smoothing in (0.0, 0.25, 0.5, 0.75, 1.0):
        spread = [_spread(PoseMachine("body", options=Options(smoothing=smoothing)), picture) for picture in pictures]
        machine = PoseMachine("body", options=Options(smoothing=smoothing))
        poses = [machine(as_frame(image, index)).poses for index, image in enumerate(moving)]
        way = np.array([p[0].keypoints if p else np.full((14, 3), np.nan) for p in poses])
        raw = way if raw is None else raw
        print(f"smoothing {smoothing:.2f}: jitter {np.mean(spread):.2f} px, lag {lag(raw, way):.2f} frames")


def _spread(machine: PoseMachine, picture: Image) -> float:
    rows = []
    for index, image in enumerate(still(picture, 45)):
        result = machine(as_frame(image, index))
        if result.poses and index >= 10:
            rows.append(result.poses[0].keypoints)
    joints = np.array(rows)
    sure = (joints[..., 2] >= 0.5).all(axis=0)
    return float(np.sqrt(joints[:, sure, :2].var(axis=0).sum(axis=-1)).mean())


def lag(raw: NDArray[np.floating], way: NDArray[np.floating]) -> float:
    """Frames (fractional) by which sure joints (frames, K, 3) come behind the raw ones: least squares."""
    sure = (np.minimum(raw[..., 2], way[..., 2]) >= 0.4)[1:-1]
    # way(t) = raw(t - lag) = raw(t) - lag * speed(t), for small lags.
    speed = (raw[2:, :, :2] - raw[:-2, :, :2]) / 2
    behind = (raw - way)[1:-1, :, :2]
    use = sure & (np.hypot(*np.moveaxis(speed, -1, 0)) > 2) & (np.hypot(*np.moveaxis(speed, -1, 0)) < 40)
    return float((behind[use] * speed[use]).sum() / max((speed[use] ** 2).sum(), 1e-9))


def main(folder: Path, parts: list[str]) -> None:
    """Print the parts that are asked for."""
    if not (folder / "reference.json").is_file():
        sys.exit(f"no clips in {folder}: give the folder that has reference.json")
    reference = json.loads((folder / "reference.json").read_text())["clips"]
    everything: dict[str, Callable[[], object]] = {
        "counts": lambda: counts_and_agreement(folder, reference),
        "hands": lambda: hands(folder, reference, "hand"),
        "varied": lambda: varied(folder, reference),
        "boxes": lambda: boxes(folder, reference),
        "body+hands": lambda: hands(folder, reference, "body"),
        "raised": lambda: raised(folder.parent),
        "crossings": lambda: crossings(folder),
        "exits": lambda: leaving(folder, reference),
        "empty": lambda: empty(folder.parent),
        "jitter": lambda: jitter(folder),
    }
    if unknown := [part for part in parts if part not in everything]:
        sys.exit(f"unknown part {unknown[0]!r}; use {', '.join(everything)}")
    for part in parts or [part for part in everything if part != "varied"]:
        print(f"\n## {part}")
        everything[part]()


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
