"""Presets: the shapes of network that exist, as plain values (no torch here)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

Triple = tuple[float, float, float]
FAMILIES = ("paper", "vgg", "light")

_LIMITS = {
    "joints": (1, 1000), "stages": (1, 64), "size": (8, 4096), "stride": (1, 64), "width": (0, 4096), "depth": (0, 64),
    "frozen": (0, 1000), "local_stages": (0, 64), "extra": (0, 1000), "pool_padding": (0, 1), "shift": (0, 64),
}  # fmt: skip
"""From where to where the whole numbers of a preset make sense. They come with files that anybody may have made: a
billion stages would be built until the memory is full."""


@dataclass(frozen=True, slots=True)
class Preset:
    """Everything needed to build a network.

    Attributes:
        name: the preset's name.
        family: ``paper``, ``vgg`` or ``light`` (see ``network.cpm``).
        joints: K; 1 for the person finder.
        stages: T.
        size: input side in pixels; a multiple of ``step``.
        stride: input pixels per belief-map cell.
        background: whether a map K+1 for "no joint here" is predicted.
        centre_map: whether stages 2..T see the centre map.
        centre_sigma: its sigma in pixels of a 368 px input (the release's is 21); scaled with ``size``.
        centre_pooled: drawn at full size and pooled 9x9 as the release does, or drawn at cell size.
        rgb: whether the first convolution sees RGB (frames are BGR).
        mean, std: pixel values 0..255 are used as (value - mean) / std, channels in BGR order.
        tail: vgg only: channels of the trunk's convolutions after the third pool.
        trunk, width, depth, frozen: light only: ``lite0``, ``lite2`` or ``residual``; channels; 7x7 layers per stage;
            modules of a pretrained trunk that training leaves as they are.
        deep: light with a lite trunk only: the trunk goes down to stride 32.
        extra: further maps after the background that are not beliefs (the finder's sizes and sides).
        local_stages: light only: so many first stages see local evidence (and beliefs) only.
        pool_padding: paper only: pixels around what is pooled (Caffe: 0, where the last window is cut short).
        made_background: paper only: no stage gives or sees the background's map; it is made of the joints' at the end.
        shift: pixels that the picture is moved up and to the left by before the network looks at it: half a cell for
            networks whose cells stand for their first pixel and not for their middle.
        right_hands: vgg only: it was taught right hands only, so a picture is also looked at in a mirror, and the surer
            of both answers is given.
    """

    name: str
    family: str
    joints: int
    stages: int
    size: int
    stride: int = 8
    background: bool = True
    centre_map: bool = True
    centre_sigma: float = 21.0
    centre_pooled: bool = True
    rgb: bool = False
    mean: Triple = (128.0, 128.0, 128.0)
    std: Triple = (256.0, 256.0, 256.0)
    tail: tuple[int, ...] = ()
    trunk: str = ""
    width: int = 0
    depth: int = 0
    frozen: int = 0
    deep: bool = False
    local_stages: int = 1
    extra: int = 0
    pool_padding: int = 0
    made_background: bool = False
    shift: int = 0
    right_hands: bool = False

    @property
    def step(self) -> int:
        """Input sides are multiples of this: of the coarsest stride inside, whose cells must fit."""
        return max(self.stride, (32 if self.deep else 16) if self.pretrained else 0)

    @property
    def pretrained(self) -> bool:
        """Whether the trunk starts from ImageNet weights, its batch normalisations folded."""
        return self.trunk.startswith("lite")

    @property
    def maps(self) -> int:
        """Maps per stage: K beliefs, the background's where there is one, and the extra ones."""
        return self.joints + int(self.background) + self.extra

    @property
    def stage_maps(self) -> int:
        """Maps that the last layer of each stage gives: all but a background that is made of the others."""
        return self.maps - int(self.made_background)

    @property
    def finds(self) -> bool:
        """Whether its network looks for people and hands in whole frames, and says how large they are."""
        return self.extra > 0

    def with_joints(self, joints: int) -> Preset:
        """The same shape for another number of joints."""
        return replace(self, joints=joints)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Preset:
        """From :meth:`to_dict`'s values. Raises ``ValueError`` for unknown or missing keys, and values that no network
        has."""
        if not isinstance(values, dict):
            raise ValueError("the preset is no table")
        known = {field.name for field in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown preset keys: {', '.join(sorted(unknown))}")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        try:
            preset = cls(**plain)
        except TypeError as error:
            raise ValueError(f"incomplete preset: {error}") from None
        if wrong := preset._wrong():
            raise ValueError(f"no network has a preset with {wrong[0]} {getattr(preset, wrong[0])!r}"[:200])
        return preset

    def _wrong(self) -> list[str]:
        """The names of what makes no sense."""
        usual = PRESETS["vgg"].to_dict()  # one that has a value of each kind
        wrong = [name for name, value in usual.items() if not _alike(getattr(self, name), value)]
        wrong = wrong or [name for name, (low, high) in _LIMITS.items() if not low <= getattr(self, name) <= high]
        if wrong:
            return wrong
        return [
            name
            for name, fits in (
                ("family", self.family in FAMILIES),
                ("size", self.size % self.step == 0),
                ("centre_sigma", self.centre_sigma > 0),
                ("mean", len(self.mean) == 3),
                ("std", len(self.std) == 3 and all(self.std)),
                ("tail", len(self.tail) in range(self.family == "vgg", 33) and all(0 < n <= 4096 for n in self.tail)),
                ("trunk", self.trunk in ("", "lite0", "lite2", "residual")),
                ("width", self.width > 0 or self.family != "light"),
            )
            if not fits
        ]


def _alike(value: object, usual: object) -> bool:
    """Whether a value is of the kind of the usual one."""
    if isinstance(usual, tuple):
        return isinstance(value, tuple) and all(_alike(part, usual[0]) for part in value)
    if isinstance(usual, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is type(usual)


_VGG_TAIL = (512, 512, 256, 256, 256, 256, 128)
_LITE = Preset(
    "lite", "light", joints=14, stages=6, size=192, centre_pooled=False,
    rgb=True, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0),
    trunk="lite0", width=128, depth=3, frozen=4, deep=True, local_stages=2,
)  # fmt: skip

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("paper", "paper", joints=14, stages=6, size=368),
        Preset("paper-flic", "paper", joints=9, stages=4, size=368),
        Preset("vgg", "vgg", joints=14, stages=6, size=368, tail=_VGG_TAIL),
        # OpenPose's hand: the same on a longer trunk, and nothing says which hand is meant.
        Preset(
            "vgg-hand", "vgg", joints=21, stages=6, size=368, centre_map=False, tail=(*[512] * 6, 128),
            right_hands=True,
        ),
        # MMPose's CPM: the paper's with batch normalisation, which is folded here, on ImageNet's colours.
        Preset(
            "mmpose", "paper", joints=16, stages=6, size=368, centre_map=False, rgb=True,
            mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395),
            pool_padding=1, made_background=True, shift=4,
        ),
        Preset(
            "person", "vgg", joints=1, stages=4, size=368, background=False, centre_map=False,
            tail=(512, 512, 512, 512, 512, 128),
        ),
        _LITE,
        replace(_LITE, name="wide", size=224, width=192),
        replace(_LITE, name="large", size=224, trunk="lite2", width=192, frozen=5),
        replace(
            _LITE, name="finder", joints=2, extra=3, stages=3, size=256, centre_map=False, width=96, depth=2,
            local_stages=1,
        ),
        Preset(
            "tiny", "light", joints=14, stages=3, size=128, centre_pooled=False,
            trunk="residual", width=48, depth=1,
        ),
    )
}  # fmt: skip
