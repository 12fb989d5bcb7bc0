"""Where what is written goes."""

from __future__ import annotations

import pytest

from cpm_live.core import paths


def test_films_go_among_the_videos_and_snapshots_among_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("videos", "pictures"):
        monkeypatch.setattr(f"platformdirs.user_{kind}_dir", lambda kind=kind: f"/home/me/{kind}")
    assert paths.videos_dir().as_posix() == "/home/me/videos/cpm-live"
    assert paths.pictures_dir().as_posix() == "/home/me/pictures/cpm-live"
