"""The engine protocol: what every way of running a network offers."""

from __future__ import annotations

import atexit
import logging
import platform
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from cpm_live.core.crop import Crop
from cpm_live.core.errors import InputError, first_line
from cpm_live.network.presets import Preset

log = logging.getLogger("cpm_live.engines")


class Closable(Protocol):
    """What holds an engine, or is one."""

    def close(self) -> None:
        """It is not used again."""
        ...


class Warmable(Closable, Protocol):
    """What may be slow, or fail, when it runs first."""

    def warm_up(self) -> None:
        """Run once."""
        ...


W = TypeVar("W", bound=Warmable)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine is, for people and for bench.

    Attributes:
        kind: one of ``select.ENGINES`` but ``auto``.
        label: as shown in the status line, e.g. ``CPU (ONNX Runtime 1.32)``.
        device: the device's name.
        precision: ``fp32``, ``fp16`` or ``bf16``.
        threads: threads used on a CPU, 0 elsewhere.
    """

    kind: str
    label: str
    device: str
    precision: str
    threads: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What an engine saw in some crops of one frame.

    Attributes:
        joints: (N, T, K, 3) float32: x and y in belief-map cells, score = the map's peak belief.
        beliefs: (N, T, maps, h, w) float32: the belief maps of every stage.
        crop_ms, engine_ms, decode_ms: how long the parts took, all crops together. An engine on a GPU
            does them in one go there: then ``crop_ms`` is the upload, ``engine_ms`` all the device's work
            and ``decode_ms`` the way back.
    """

    joints: NDArray[np.float32]
    beliefs: NDArray[np.float32]
    crop_ms: float = 0.0
    engine_ms: float = 0.0
    decode_ms: float = 0.0


class Engine(Protocol):
    """Runs one network on one device. One thread owns it from construction to ``close``."""

    preset: Preset

    def infer(self, images: NDArray[np.uint8], centres: NDArray[np.float32]) -> NDArray[np.float32]:
        """Belief maps of every stage.

        Args:
            images: (N, 3, size, size) uint8, BGR, C-contiguous.
            centres: (N, 2) float32: the person's x and y in input pixels.

        Returns:
            (N, T, K+1, h, w) float32.
        """
        ...

    def look(self, image: NDArray[np.uint8], crops: Sequence[Crop], joints: int) -> Looked:
        """Crop, infer and decode: all crops of one frame in one batch.

        Args:
            image: (H, W, 3) uint8, BGR; may be read-only.
            crops: 0 to 8 of them, each of the network's size.
            joints: how many of the belief maps, from the first on, are joints: K.
        """
        ...

    def warm_up(self) -> None:
        """Run once on an empty picture, so that the first real one is not slow."""
        ...

    def describe(self) -> EngineInfo:
        """What this engine is."""
        ...

    def close(self) -> None:
        """Give the device's memory back; the engine is not used again."""
        ...


def processor() -> str:
    """This machine's, in short."""
    return platform.processor() or platform.machine()


def run_empty(engine: Engine) -> None:
    """One inference on an empty picture: what most engines' ``warm_up`` is.

    Raises:
        InputError: what it believes is no number: it would see nobody, ever.
    """
    size = engine.preset.size
    require_numbers(
        engine, engine.infer(np.zeros((1, 3, size, size), np.uint8), np.full((1, 2), (size - 1) / 2, np.float32))
    )


def require_numbers(engine: Engine, beliefs: NDArray[np.float32]) -> None:
    """Refuse an engine whose belief maps are no numbers: fp16 ends at 65504, and what comes after it is nobody.

    Raises:
        InputError: so that another engine is taken.
    """
    if not np.isfinite(beliefs).all():
        about = engine.describe()
        raise InputError(f"{about.label} computes no numbers with these weights ({about.precision}); use other weights")


class _Openings:
    """How many engines are being opened, or closed because nobody wants them any more, on whichever threads: a context
    that may be entered within itself."""

    PATIENCE_S = 60.0

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Until there are none, or patience ends."""
        with self._changed:
            self._changed.wait_for(lambda: not self._count, self.PATIENCE_S)


OPENING = _Openings()
"""The threads that open engines end with the process, and one that is inside torch then takes it down with "terminate
called without an active exception". Opening for CUDA takes ten seconds: time enough to close a window meanwhile."""
atexit.register(OPENING.wait)


def warm(what: Warmable) -> None:
    """Run it once."""
    what.warm_up()


def opened_warm(opener: Callable[[], W], warm_up: Callable[[W], None] = warm) -> W:
    """An engine, or what holds one, that has run once: what a device cannot do may only show then. It is closed again
    where that fails.

    A process that ends meanwhile waits for it.
    """
    with OPENING:
        engine = opener()
        try:
            warm_up(engine)
        except Exception:
            close_quietly(engine)
            raise
        return engine


def close_quietly(what: Closable) -> None:
    """Close what is not used any more; what is broken may not even close, and the thread must go on."""
    try:
        what.close()
    except Exception as problem:  # noqa: BLE001 - engines raise what their libraries raise
        log.warning("closing the engine failed: %s", first_line(problem))
