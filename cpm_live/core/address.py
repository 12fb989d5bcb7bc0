"""Addresses of streams."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

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
