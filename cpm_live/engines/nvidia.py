"""The NVIDIA GPU of this machine, asked of its driver: takes milliseconds and needs neither torch nor CUDA."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first NVIDIA GPU.

    Attributes:
        name: as the driver says it, e.g. ``NVIDIA GeForce RTX 4070``.
        capability: compute capability, e.g. ``8.9``.
        memory_mb: in all.
        cuda: newest CUDA version that the driver runs, e.g. ``13.0``.
    """

    name: str
    capability: str
    memory_mb: int
    cuda: str


@cache
def find_gpu() -> Gpu | None:
    """The first GPU; None where there is no driver or no GPU."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return None
    return ask(driver)


def on_the_bus() -> bool:
    """Whether an NVIDIA graphics card is plugged in, driver or not; only Linux tells."""
    for device in Path("/sys/bus/pci/devices").glob("*"):
        try:
            vendor, kind = (device / "vendor").read_text().strip(), (device / "class").read_text().strip()
        except OSError:
            continue
        # 0x03: display controllers.
        if vendor == "0x10de" and kind.startswith("0x03"):
            return True
    return False


def ask(driver: ctypes.CDLL) -> Gpu | None:
    """What the driver's library says of device 0; None where it has none."""
    count, version, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or count.value < 1:
        return None
    name = ctypes.create_string_buffer(256)
    major, minor = ctypes.c_int(), ctypes.c_int()
    # 75 and 76: CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR.
    failed = (
        driver.cuDeviceGetName(name, len(name), 0)
        or driver.cuDeviceGetAttribute(ctypes.byref(major), 75, 0)
        or driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, 0)
        or driver.cuDeviceTotalMem_v2(ctypes.byref(memory), 0)
        or driver.cuDriverGetVersion(ctypes.byref(version))
    )
    if failed:
        return None
    cuda = f"{version.value // 1000}.{version.value % 1000 // 10}"
    text = name.value.decode("utf-8", "replace")
    return Gpu(text, f"{major.value}.{minor.value}", memory.value >> 20, cuda)
