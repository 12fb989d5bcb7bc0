"""What was freed goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
from cpm_live.core.memory import give_back_freed

def held():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))

pieces = [bytearray(50_000) for _ in range(4000)]
last = bytearray(50_000)
full = held()
del pieces
kept = held()
give_back_freed()
print(full - held() > 150, full - kept)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc, which keeps what is freed")
def test_what_was_freed_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("True"), done.stdout
