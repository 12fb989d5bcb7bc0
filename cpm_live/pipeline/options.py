"""Options: what a person may change while the machine runs; one immutable value, handed over whole."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np

from cpm_live.core.crop import Box
from cpm_live.core.errors import InputError
from cpm_live.engines.recipe import Recipe

MOST_PEOPLE = 8
DEFAULT_PEOPLE = {"body": 4, "hand": 2}

Lock = tuple[float, float] | int | None
"""A point in frame pixels, a track number, or nobody."""


_THRESHOLDS = ("joint", "hollow", "find", "keep", "finder")


def _finite(values: tuple[object, ...]) -> bool:
    return all(isinstance(value, Real) and np.isfinite(float(value)) for value in values)


def _is_lock(value: object) -> bool:
    if isinstance(value, tuple):
        return len(value) == 2 and _finite(value)
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The recipe's thresholds after the options had their say (meanings: :class:`Recipe`).

    ``joint`` and ``hollow`` are what is shown from; ``sure`` is the recipe's joint threshold, whatever is shown: who
    is found and how they are followed does not hang on it.
    """

    joint: float
    sure: float
    hollow: float
    follow: float
    find: float
    keep: float
    finder: float


@dataclass(frozen=True, slots=True)
class Options:
    """How people are looked for, followed and shown.

    Attributes:
        people: at most so many bodies (or hands) at once, 1 to 8; None is the model's usual number: 4 bodies, 2 hands.
        smoothing: 0 (raw) to 1 (as smooth as it gets).
        region: look for people inside this box of the frame only; None is the whole frame.
        lock: single-person mode: whoever stands at this point, or the track of this number; None releases.
        hands: "Body + hands": also run the hand model at the wrists.
        finder_every: frames from one run of the finder to the next while somebody is followed; for hands 0.75 times
            as many.
        joint_threshold, hollow_threshold, find_threshold, keep_threshold, finder_threshold: instead of the recipe's;
            None leaves them. The finder itself tells of nobody below its own recipe's threshold.

    Raises:
        InputError: a value outside its range.
    """

    people: int | None = None
    smoothing: float = 0.5
    region: Box | None = None
    lock: Lock = None
    hands: bool = False
    finder_every: int = 10
    joint_threshold: float | None = None
    hollow_threshold: float | None = None
    find_threshold: float | None = None
    keep_threshold: float | None = None
    finder_threshold: float | None = None

    def __post_init__(self) -> None:
        # numpy's numbers and arrays are as good; what is kept is plain, to be compared.
        for name in ("people", "lock"):
            if isinstance(value := getattr(self, name), np.integer):
                object.__setattr__(self, name, int(value))
        for name in ("region", "lock"):
            value = getattr(self, name)
            if isinstance(value, np.ndarray | list) and all(isinstance(part, Real) for part in value):
                object.__setattr__(self, name, tuple(float(part) for part in value))
        for name in ("smoothing", "finder_every", *(f"{which}_threshold" for which in _THRESHOLDS)):
            value = getattr(self, name)
            if not isinstance(value, Real) and not (value is None and name.endswith("_threshold")):
                raise InputError(f"{name} is {value!r}; use a number")
        if not isinstance(self.hands, bool | np.bool_):
            raise InputError(f"hands is {self.hands!r}; use True or False")
        if not _is_lock(self.lock):
            raise InputError(f"the lock is {self.lock!r}; use x and y in pixels, the number of a track, or None")
        if self.people is not None and (not isinstance(self.people, int) or not 1 <= self.people <= MOST_PEOPLE):
            raise InputError(f"people is {self.people}; use 1 to {MOST_PEOPLE}")
        if not 0.0 <= self.smoothing <= 1.0:
            raise InputError(f"smoothing is {self.smoothing:g}; use 0 (raw) to 1 (smooth)")
        region = self.region
        four = isinstance(region, tuple) and len(region) == 4 and _finite(region)
        if region is not None and not four:
            raise InputError(f"the region is {region}; use x, y, width and height in pixels")
        if region is not None and not (region[2] >= 16 and region[3] >= 16):
            raise InputError("the region is too small; use at least 16 x 16 pixels")
        if not 1 <= self.finder_every < float("inf"):
            raise InputError(f"finder_every is {self.finder_every}; use 1 or more frames")
        for name in _THRESHOLDS:
            value = getattr(self, f"{name}_threshold")
            if value is not None and not 0.0 <= value <= 1.0:
                raise InputError(f"{name}_threshold is {value:g}; use 0 to 1")

    def budget(self, skeleton: str) -> int:
        """How many of this kind are followed at most."""
        return self.people or DEFAULT_PEOPLE.get(skeleton, 4)

    def thresholds(self, recipe: Recipe) -> Thresholds:
        """The thresholds that hold for a model."""

        def chosen(own: float | None, usual: float) -> float:
            return usual if own is None else own

        find = chosen(self.find_threshold, recipe.find_threshold)
        joint = chosen(self.joint_threshold, recipe.joint_threshold)
        return Thresholds(
            joint=joint,
            sure=recipe.joint_threshold,
            hollow=min(joint, chosen(self.hollow_threshold, recipe.hollow_threshold)),
            follow=recipe.follow_threshold,
            find=find,
            # Who is followed may be less sure than who is found: no flicker at the limit.
            keep=min(find, chosen(self.keep_threshold, recipe.keep_threshold)),
            finder=chosen(self.finder_threshold, recipe.finder_threshold),
        )


def checked(options: object) -> Options:
    """Options, and nothing that looks like them.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(options, Options):
        raise InputError(f"options is {options!r}; use Options(...)")
    return options
