"""Shared fixtures: real data where it is, a small fast engine where weights do not matter."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.streaming.listener import Listener

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process for all windows: on one display they would take the keyboard from each other."""
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "gui"):
            item.add_marker(pytest.mark.xdist_group("gui"))


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with real pictures and labels; skips where it is missing."""
    if not (DATA / "body_val.json").exists():
        pytest.skip(f"needs the training data in {DATA}, which is not here")
    return DATA


@pytest.fixture(scope="session")
def clips(data: Path) -> Path:
    """The folder with real webcam clips and reference.json."""
    return data / "webcam"


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Another program, on a port of this machine, that keypoints may be sent to."""
    # Here, since scripts/verify_gpu.sh tests engines where python-osc is not installed.
    from tests.streaming.listener import Listener

    one = Listener()
    yield one
    one.close()
