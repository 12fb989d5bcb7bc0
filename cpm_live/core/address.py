"""Addresses of streams."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit, urlunsplit

STREAM_SCHEMES = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://")


def is_stream(text: str) -> bool:
    """Whether this names a network stream."""
    return text.lower().startswith(STREAM_SCHEMES)


def without_password(where: str) -> str:
    """A path or URL as it may be shown and written down."""
    if "@" not in where:
        return where
    try:
        parts = urlsplit(where)
    except ValueError:
        return where
    if not parts.netloc:
        return where
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def file_name(where: str) -> str:
    """The name of what lies behind a URL: the last part of its path, or its host where it has none."""
    shown = without_password(where)
    try:
        parts = urlsplit(shown)
    except ValueError:
        return shown
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc
