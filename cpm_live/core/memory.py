"""Memory that was freed and that the C library keeps."""

from __future__ import annotations

import ctypes
import platform
from functools import cache
from typing import Any


@cache
def _malloc_trim() -> Any:
    """glibc's function; None where another C library is at work."""
    return ctypes.CDLL(None).malloc_trim if platform.libc_ver()[0] == "glibc" else None


def give_back_freed() -> None:
    """Give freed memory back to the system. By itself glibc keeps what lies between pieces still in use: after some
    networks have come and gone two hundred megabytes."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)
