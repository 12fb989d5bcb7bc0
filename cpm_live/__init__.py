"""See a Convolutional Pose Machine think.

>>> from cpm_live import PoseMachine
>>> machine = PoseMachine("body")
>>> result = machine(frame_bgr)
>>> result.poses[0].keypoints  # (K, 3): x, y in frame pixels, score
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime from 1.32 on reports to Microsoft and keeps a number for this machine, unless this is set before it
# loads. Nobody who opens a webcam asked for that; whoever wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# OpenCV on Windows: with them webcams take ten seconds and more to open, and what they decode, MJPG, is small here.
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")

__version__ = "0.1.0"
__all__ = ["InputError", "PoseMachine", "__version__"]

if TYPE_CHECKING:
    from cpm_live.core.errors import InputError
    from cpm_live.pipeline.machine import PoseMachine


def __getattr__(name: str) -> Any:
    # Imported when asked for, so that the command line starts before ONNX Runtime is loaded.
    if name == "PoseMachine":
        from cpm_live.pipeline.machine import PoseMachine

        return PoseMachine
    if name == "InputError":
        from cpm_live.core.errors import InputError

        return InputError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
