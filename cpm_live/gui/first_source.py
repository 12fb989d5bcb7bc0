"""What the window opens on, and what it does where that is not there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from cpm_live.capture.base import Source
from cpm_live.capture.camera import Device
from cpm_live.capture.open import SourceRequest, is_camera
from cpm_live.core.address import is_stream
from cpm_live.gui.background import in_background
from cpm_live.gui.banner import Notice, sentence
from cpm_live.gui.openers import Openers

if TYPE_CHECKING:
    from cpm_live.gui.session import Session

NO_CAMERA = "No camera found: showing the built-in demo. Plug one in and press C, or open a file with O."
LATE_CAMERA = "No camera found: showing the built-in demo until there is one."
LOOK_AGAIN_MS = 5000
"""How often a camera or stream that is awaited is looked for."""


class FirstSource(QObject):
    """Opens what was asked for, else what was used last, else a camera, else the demo.

    A camera or stream that was asked for and is not there yet, as where everything is switched on at once, is looked
    for until it is, or until something else is opened.

    Args:
        session: opens it; also the parent.
        openers: fakes in tests.
    """

    def __init__(self, session: Session, openers: Openers) -> None:
        super().__init__(session)
        self._session, self._openers = session, openers
        self._saved = self._patient = False
        self._awaited = ""
        self._looking: list[threading.Thread] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._look)
        session.source_opening.connect(self._opening)

    def start(self, source: str | None, saved: str, patient: bool) -> None:
        """Open it.

        Args:
            source: what was asked for.
            saved: what was used last.
            patient: wait for a camera or stream also where nobody asked for it.
        """
        self._saved = not source
        # By itself a window does not take a camera that was plugged in for something else.
        self._patient = patient or (source is not None and (is_camera(source) or is_stream(source)))
        if source or saved:
            self._session.open(source or saved, first=True)
        else:
            in_background("list-cameras", self._openers.cameras, self._listed, self)

    def _listed(self, cameras: list[Device] | None) -> None:
        if self._session.stopping or self._session.source:
            return
        if cameras:
            self._session.open(f"camera:{cameras[0].index}", first=True)
        else:
            self._fall_back(NO_CAMERA, "camera:0")

    def open(self, request: SourceRequest) -> Source:
        """Open any source; a camera once nobody looks for it any more, as it is there for one at a time. May wait."""
        if is_camera(request.text):
            for thread in self._looking:
                thread.join(timeout=5.0)
            # One that was lost is asked for what was chosen meanwhile.
            request = replace(request, size=self._session.size)
        return self._openers.source(request)

    def failed(self, message: str) -> str:
        """It does not open: the demo where that takes its place.

        Returns:
            What remains to be said; empty where the demo plays.
        """
        source = self._session.source
        camera = is_camera(source)
        if not (camera or self._saved):
            if not (self._patient and is_stream(source)):
                return message
            self._wait_for(source)
            return f"{message}; trying again every few seconds"
        # Where there are cameras, only not this one, its line lists them.
        if camera and message.startswith("no camera") and "lists none" in message:
            self._fall_back(NO_CAMERA, source)
        elif self._patient and (camera or is_stream(source)):
            self._fall_back(sentence(f"{message}. Showing the built-in demo until it is there"), source)
        else:
            why = f"{message}. Showing the built-in demo instead; press C for a camera or O for a file."
            self._fall_back(sentence(why), source)
        return ""

    def _fall_back(self, why: str, source: str) -> None:
        self._session.open("demo")
        if self._patient and (is_camera(source) or is_stream(source)):
            self._wait_for(source)
            why = LATE_CAMERA if why == NO_CAMERA else why
        self._session.notice.emit(Notice("info", why))

    # -- what comes late --------------------------------------------------------------------------

    def _wait_for(self, source: str) -> None:
        self._awaited = source
        self._timer.start(LOOK_AGAIN_MS)

    @Slot(str)
    def _opening(self, text: str) -> None:
        # Not the demo, which stands in for it, and begins anew with every model.
        if text != "demo":
            self.stop()

    def stop(self) -> list[threading.Thread]:
        """Look no more; who still does."""
        self._awaited = ""
        self._timer.stop()
        return self._looking

    @Slot()
    def _look(self) -> None:
        request = self._session.request(self._awaited)
        look = partial(_is_there, self._openers.source, request)
        self._looking = [in_background("look-again", look, partial(self._looked, request.text), self)]

    def _looked(self, source: str, there: bool | None) -> None:
        if source != self._awaited:
            return  # nobody waits for it any more
        if there:
            what = "camera" if is_camera(source) else "stream"
            self._session.notice.emit(Notice("done", f"The {what} is there now.", 4))
            self._session.open(source, first=True)
        else:
            self._timer.start(LOOK_AGAIN_MS)


def _is_there(opener: Callable[[SourceRequest], Source], request: SourceRequest) -> bool:
    try:
        opener(request).close()
    except Exception:  # noqa: BLE001 - decoders raise what they like
        return False
    return True
