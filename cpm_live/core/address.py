"""Addresses of streams."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


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
