"""Nothing is told to anybody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_onnx_runtime_keeps_no_number_of_this_machine(tmp_path: Path) -> None:
    """From 1.32 on it reports to Microsoft, and writes a lasting number into the cache folder for it."""
    code = "from cpm_live import PoseMachine; PoseMachine('body', 'cpu', 1).close()"
    caches = {name: str(tmp_path) for name in ("XDG_CACHE_HOME", "HOME", "LOCALAPPDATA")}
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], env={**environment, **caches}, check=True, timeout=100)
    assert not [path for path in tmp_path.rglob("*") if "Microsoft" in path.parts or path.name == "deviceid"]
