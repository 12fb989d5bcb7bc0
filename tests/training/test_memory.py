"""Memory that a training keeps."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cpm_live.training.memory import keep_freed_memory

_FAULTS = """
import ctypes, resource, sys
from cpm_live.training.memory import keep_freed_memory
told = keep_freed_memory() if sys.argv[1] == "keep" else None
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    piece = libc.malloc(64_000_000)
    ctypes.memset(piece, 1, 64_000_000)
    libc.free(piece)
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _run(word: str) -> tuple[str, int]:
    done = subprocess.run([sys.executable, "-c", _FAULTS, word], capture_output=True, text=True, check=True,
                          env={"PATH": "/usr/bin:/bin"})  # fmt: skip
    told, faults = done.stdout.split()
    return told, int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_is_used_again_without_the_system() -> None:
    """Twenty times 64 MB, each page of which the system has to clear when it was given back."""
    told, faults = _run("keep")
    if told == "False":
        pytest.skip("another C library than glibc")
    assert faults < _run("leave")[1] / 3


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_somebodys_own_settings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")
    assert not keep_freed_memory()
