"""What a live session tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cpm_live.capture.base import SourceInfo


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell the person at the screen.

    Attributes:
        kind: ``source`` (opened; ``info`` set), ``source-failed``, ``source-lost``, ``source-ended``,
            ``engine`` (ready; message is its label), ``engine-failed``, ``engine-note`` (what
            became of a build, or why a better engine is not used), ``recording`` (started),
            ``recording-done``, ``recording-failed``, ``recording-empty``; ``source-note`` (part of it was left out).
        message: one line.
        info: of the source, with ``source``.
        path: of the recording.
        asked: with ``engine`` and ``engine-failed``: the model and engine that were asked for, so that the
            answer to an earlier request can be told from the one that is waited for.
        generation: of the source an event is about; None for the others.
    """

    kind: str
    message: str = ""
    info: SourceInfo | None = None
    path: Path | None = None
    asked: tuple[str, str] = ("", "")
    generation: int | None = None
