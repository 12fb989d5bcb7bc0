"""See a Convolutional Pose Machine think.

>>> from cpm_live import PoseMachine
>>> machine = PoseMachine("body")
>>> result = machine(frame_bgr)
>>> result.poses[0].keypoints  # (K, 3): x, y in frame pixels, score
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

# ONNX Runtime from 1.32 on reports to Microsoft and keeps a number for this machine, unless this is set before it
# loads. Nobody who opens a webcam asked for that; whoever wants it sets the variable to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# OpenCV on Windows: with them webcams take ten seconds and more to open, and what they decode, MJPG, is small here.
os.environ.setdefault("OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS", "0")
# OpenCV again: a picture of a hundred kilobytes may be one of a thousand megapixels, which took six gigabytes. FFmpeg
# has this limit for films. Whoever has larger ones sets the variable.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(1 << 28))

__version__ = "0.1.0"
__all__ = ["InputError", "Live", "Options", "PoseMachine", "Result", "__version__"]

if TYPE_CHECKING:
    from cpm_live.core.errors import InputError
    from cpm_live.core.pose import Result
    from cpm_live.pipeline.live import Live
    from cpm_live.pipeline.machine import PoseMachine
    from cpm_live.pipeline.options import Options
else:
    # Imported when asked for, so that the command line starts before ONNX Runtime is loaded. (Type checkers would
    # take every name for one of ours.)
    _HOMES = {
        "InputError": "cpm_live.core.errors",
        "Live": "cpm_live.pipeline.live",
        "Options": "cpm_live.pipeline.options",
        "PoseMachine": "cpm_live.pipeline.machine",
        "Result": "cpm_live.core.pose",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
