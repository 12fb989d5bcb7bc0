"""What a window opens sources, engines and the finder with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from cpm_live.capture.base import Source
from cpm_live.capture.camera import Device, list_cameras
from cpm_live.capture.open import SourceRequest, open_source
from cpm_live.engines.base import Engine
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.select import default_threads, open_for_window
from cpm_live.pipeline.finding import Finder, FinderOpener, open_default_finder


@dataclass(frozen=True, slots=True)
class Openers:
    """What a session opens things with; tests give fakes."""

    source: Callable[[SourceRequest], Source] = open_source
    engine: Callable[[Recipe, str], Engine] = open_for_window
    cameras: Callable[[], list[Device]] = list_cameras
    finder: FinderOpener | None = None


def default_openers(threads: int = 0) -> Openers:
    """The real ones; ``threads`` of the CPU engine, 0 chooses."""
    return Openers(engine=partial(open_for_window, threads=threads), finder=partial(_finder, threads))


def _finder(threads: int, kind: str = "cpu", /) -> Finder | None:
    """The finder, with as many threads as suit beside a window unless their number is given."""
    return open_default_finder(threads or default_threads(window=True), kind)
