"""Addresses of streams."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

STREAM_SCHEMES = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://")


def is_stream(text: str) -> bool:
    """Whether this names a network stream."""
    return text.lower().startswith(STREAM_SCHEMES)


_HOST = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<host>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_SECRET = re.compile(
    r"(?P<name>(?:pass?(?:word|wd|phrase)?|pwd|psw|(?:[a-z]*_)?token|secret|auth|api_?key|sig(?:nature)?)=)[^&;/?#]+",
    re.IGNORECASE,
)
"""What many cameras, and SRT, want behind the host, and their names for it: ``?user=admin&pwd=1234``."""


def without_password(where: str) -> str:
    """A path or URL as it may be shown and written down."""
    parts = _HOST.fullmatch(where)
    if parts is None:
        return where
    scheme, host, rest = parts["scheme"], parts["host"], parts["rest"]
    name, colon, port = host.partition(":")
    whole = "@" in host or port.isdigit()
    if "@" in rest and colon and not name.startswith("[") and (rest[0] != "/" or not whole):
        # A password with one of these signs in it, as people type it: nothing opens it, and the line that says so is
        # not to tell it.
        host, rest = rest.rpartition("@")[2], ""
    else:
        host = host.rpartition("@")[2]
    return scheme + host + _SECRET.sub(r"\g<name>…", rest)


def file_name(where: str) -> str:
    """The name of what lies behind a URL: the last part of its path, or its host where it has none."""
    shown = without_password(where)
    try:
        parts = urlsplit(shown)
    except ValueError:
        return shown
    return unquote(parts.path.rstrip("/").rpartition("/")[2]) or parts.netloc
