"""Memory that training gives back is kept by the process instead of the system.

Each step allocates and frees hundreds of megabytes. By itself glibc hands large pieces back at once, and fetching
them again means clearing them page by page: a tenth to a fifth of a training on the CPU.
"""

from __future__ import annotations

import ctypes
import os
import platform

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_MOST = 2**31 - 1
_PAD = 2**28


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to keep what is freed; for processes that only train.

    Returns:
        Whether it was told: not where another C library or allocator is at work, or somebody has settings of their own.
    """
    if platform.libc_ver()[0] != "glibc" or {"GLIBC_TUNABLES", "LD_PRELOAD"} & set(os.environ):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(*setting) for setting in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _MOST), (_TOP_PAD, _PAD))])
