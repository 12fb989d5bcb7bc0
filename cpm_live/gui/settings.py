"""What the window remembers: one typed value, kept as JSON in QSettings."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings

from cpm_live.capture.resolution import USUAL, parsed, written
from cpm_live.core.address import OSC_USUAL
from cpm_live.core.errors import InputError
from cpm_live.gui.follow_state import SMOOTHING

log = logging.getLogger("cpm_live.gui")

_KEY = "window/settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """The window's memory.

    Attributes:
        source: what the person chose last, as ``SourceRequest.text``; empty: first camera, else demo.
        model, engine: names.
        mirror: whether cameras are mirrored.
        theme: ``dark`` or ``light``.
        glow, boxes: what is painted.
        smoothing, hands: how joints are smoothed, and whether hands are looked for beside bodies.
        following: what was set for models, see ``FollowState``: keys like ``body.people``, ``hand.joint``.
        folder: where snapshots and recordings go; empty: the user's pictures and videos folders.
        keypoints: whether recordings have theirs in a file beside them.
        camera_size: the resolution that cameras are asked for, as ``1280x720``.
        osc: where keypoints are sent when that is switched on, ``HOST:PORT``; never on by itself.
        geometry, columns, rows, side: Qt's own notes on window and splitters, hexadecimal.
    """

    source: str = ""
    model: str = "body"
    engine: str = "auto"
    mirror: bool = True
    theme: str = "dark"
    glow: bool = True
    boxes: bool = False
    smoothing: float = SMOOTHING
    hands: bool = False
    following: dict[str, float] = field(default_factory=dict)
    folder: str = ""
    keypoints: bool = True
    camera_size: str = written(USUAL)
    osc: str = OSC_USUAL
    geometry: str = ""
    columns: str = ""
    rows: str = ""
    side: str = ""


_CHOICES: dict[str, tuple[str, ...]] = {"theme": ("dark", "light")}


def _is_size(text: str) -> bool:
    try:
        parsed(text)
    except InputError:
        return False
    return True


def load(store: QSettings) -> Settings:
    """The remembered settings; whatever cannot be used is replaced by its default, with a warning."""
    store.sync()
    text = store.value(_KEY)
    if text is None:
        return Settings()
    try:
        values = json.loads(str(text))
        if not isinstance(values, dict):
            raise ValueError("not a table")
    except ValueError as error:
        log.warning("the window's settings in %s are damaged (%s); using defaults", store.fileName(), error)
        return Settings()
    return Settings(**_sound(values))


def _sound(values: dict[str, Any]) -> dict[str, Any]:
    default = Settings()
    kept: dict[str, Any] = {}
    for entry in fields(Settings):
        if entry.name not in values:
            continue
        value = values[entry.name]
        fits = type(value) is type(getattr(default, entry.name))
        fits = fits and not (isinstance(value, float) and not math.isfinite(value))
        fits = fits and (entry.name != "camera_size" or _is_size(value))
        if fits and (entry.name not in _CHOICES or value in _CHOICES[entry.name]):
            kept[entry.name] = value
        else:
            log.warning("setting %r cannot be %r; using the default", entry.name, value)
    return kept


def save(store: QSettings, settings: Settings, before: Settings | None = None) -> None:
    """Remember.

    Args:
        before: what was loaded: only what is different is written, as another window may have set the rest since.
    """
    values = asdict(load(store))
    old = asdict(before or Settings())
    for name, value in asdict(settings).items():
        if isinstance(value, dict):
            was = old[name]
            values[name] = {key: kept for key, kept in values[name].items() if key in value or key not in was}
            values[name] |= {key: new for key, new in value.items() if was.get(key) != new}
        elif value != old[name]:
            values[name] = value
    _keep_private(Path(store.fileName()))
    store.setValue(_KEY, json.dumps(values))
    store.sync()
    if store.status() != QSettings.Status.NoError:
        log.warning("what the window remembers cannot be written to %s; it is forgotten", store.fileName())


def _keep_private(path: Path) -> None:
    """Let nobody else read the file: the address of a stream may have a password in it. (Windows and macOS see to that
    by themselves.)"""
    if sys.platform in ("win32", "darwin"):
        return
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Before anything is in it; Qt keeps the rights of a file that is there.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)
