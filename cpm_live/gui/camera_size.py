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
        self.known = self._good = kept
        """To be remembered, and what is again where a camera does not open with that."""
        session.size = self._asked = given or parsed(kept)
        button.set_size(session.size)
        button.size_chosen.connect(self._choose)
        session.source_opened.connect(self._opened)
        session.source_refused.connect(self._refused)

    def _choose(self, size: Resolution) -> None:
        self.known, self._asked = written(size), size
        self._button.set_size(size)
        self._session.ask_for(size)

    def _opened(self) -> None:
        self._good = self.known

    def _refused(self) -> None:
        if self._session.size != self._asked:
            # The camera went back to the one before; the next start must not begin with what it cannot do.
            self.known, self._asked = self._good, self._session.size
            self._button.set_size(self._asked)
