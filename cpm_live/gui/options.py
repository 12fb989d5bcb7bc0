"""How the window is asked to start. No Qt here: the command line reads this before Qt is loaded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AppOptions:
    """What the command line may say; None means: as last time, or the default.

    Attributes:
        source: as ``SourceRequest.text``; None for the last one, else the first camera, else the demo.
        model: a shipped model's name or a recipe's path.
        engine: one of ``engines.select.ENGINES``.
        threads: CPU threads of the engine; 0: see ``select.default_threads``.
        size: wanted camera resolution; None for the last one.
        osc: send keypoints there, ``HOST:PORT``; None sends none until it is switched on.
        mirror: force mirroring on or off; None mirrors cameras only.
        alone: the picture alone, full screen.
        startup_report: print ``{"startup_s": ..., "paint_ms": ..., "peak_rss_mb": ...}`` some seconds after the first
            painted frame.
        quit_after_first_frame: end then, or with the report.
    """

    source: str | None = None
    model: str | None = None
    engine: str | None = None
    threads: int = 0
    size: tuple[int, int] | None = None
    osc: str | None = None
    mirror: bool | None = None
    alone: bool = False
    startup_report: bool = False
    quit_after_first_frame: bool = False
