"""The resolution that cameras are asked for: chosen in the source's menu, and remembered."""

from __future__ import annotations

from cpm_live.capture.resolution import Resolution, parsed, written
from cpm_live.gui.session import Session
from cpm_live.gui.source_menu import SourceButton


class CameraSize:
    """Carries what is chosen to the session.

    Args:
        given: by the command line, for this time; None: as last time.
        kept: what was chosen last.
    """

    def __init__(self, session: Session, button: SourceButton, given: Resolution | None, kept: str) -> None:
        self._session, self._button = session, button
        self.known = kept
        """To be remembered."""
        session.size = given or parsed(kept)
        button.set_size(session.size)
        button.size_chosen.connect(self._choose)

    def _choose(self, size: Resolution) -> None:
        self.known = written(size)
        self._button.set_size(size)
        self._session.ask_for(size)
