"""What was chosen and does not run yet: remembered once it does, forgotten if it cannot."""

from __future__ import annotations

from dataclasses import replace

from cpm_live.gui.settings import Settings


class Wishes:
    """Choices of source, model and engine that are under way; keys are those of :class:`Settings`."""

    def __init__(self) -> None:
        self._open: dict[str, str] = {}

    def add(self, key: str, value: str) -> None:
        """Somebody chose this."""
        self._open[key] = value

    def granted(self, settings: Settings, *keys: str) -> Settings:
        """The settings with what was chosen for these keys, now that it runs."""
        kept = {key: self._open.pop(key) for key in keys if key in self._open}
        return replace(settings, **kept)  # type: ignore[arg-type]

    def pending(self, key: str) -> str:
        """What was chosen for a key and does not run yet; empty if nothing was."""
        return self._open.get(key, "")

    def denied(self, *keys: str) -> None:
        """It cannot run, and is not to be tried again at the next start."""
        for key in keys:
            self._open.pop(key, None)
