"""Whether this program may use cameras: macOS asks people, and OpenCV does not wait for what they say."""

from __future__ import annotations

import sys
import threading

_PATIENCE_S = 60.0
_AUTHORISED, _UNDECIDED = 3, 0
"""Of ``AVAuthorizationStatus``."""
HOW_TO_ALLOW = (
    "is not permitted: allow this program, or the terminal that started it, in System Settings > Privacy & Security > "
    "Camera"
)


def may_use_cameras() -> bool:
    """Whether cameras may be opened. Where nobody has decided yet the system asks now, and this waits for the answer:
    call it on a thread that may wait."""
    if sys.platform != "darwin":
        return True
    # It comes with cv2-enumerate-cameras there.
    from AVFoundation import AVCaptureDevice, AVMediaTypeVideo

    status = AVCaptureDevice.authorizationStatusForMediaType_(AVMediaTypeVideo)
    if status != _UNDECIDED:
        return bool(status == _AUTHORISED)
    granted, answered = [False], threading.Event()

    def answer(yes: bool) -> None:
        granted[0] = bool(yes)
        answered.set()

    AVCaptureDevice.requestAccessForMediaType_completionHandler_(AVMediaTypeVideo, answer)
    answered.wait(_PATIENCE_S)
    return granted[0]
