"""Somebody who listens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.streaming.listener import Listener


@pytest.fixture
def listener() -> Iterator[Listener]:
    """On a port of this machine."""
    one = Listener()
    yield one
    one.close()
