"""Addresses of streams, and of programs that keypoints are sent to."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from cpm_live.core.errors import InputError

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


_OSC_HOST, _OSC_PORT = "127.0.0.1", 9000
OSC_USUAL = f"{_OSC_HOST}:{_OSC_PORT}"
"""Where keypoints go as far as nothing is said: to this machine, at the port that many programs' examples have."""
_RECEIVER = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.%\w]+)\]|(?P<host>[^\s:/\[\]@]+))(?::(?P<port>\d{1,5}))?", re.ASCII)


def osc_receiver(text: str) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, of a host or a port alone; IPv6 in brackets.

    Raises:
        InputError: it is none of these.
    """
    text = text.strip()
    alone = text.isascii() and text.isdigit()
    match = _RECEIVER.fullmatch(f"{_OSC_HOST}:{text}" if alone else text)
    port = int(match["port"] or _OSC_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise InputError(f"cannot send to {text!r}: give HOST:PORT, such as {OSC_USUAL}")
    return match["six"] or match["host"], port


def osc_shown(text: str) -> str:
    """An address as :func:`osc_receiver` understands it, with all that was left out.

    Raises:
        InputError: it is none.
    """
    host, port = osc_receiver(text)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
