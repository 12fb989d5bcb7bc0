"""The one error that a person is meant to read."""

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_WHERE = re.compile(r"\.[ch]pp:\d+:$")
"""A line that tells only where in its source a library noticed: OpenVINO begins with up to three of them."""


def printable(text: str) -> str:
    """A text without what a terminal obeys instead of showing it: names of files, and what files say, may hold any
    sign, and so commands that repaint it, rename it or put something on the clipboard."""
    return _CONTROLS.sub(lambda sign: f"\\x{ord(sign[0]):02x}", text)


class InputError(Exception):
    """Something given from outside cannot be used.

    The message is one line: what, where, and what to do. The command line prints it and ends with
    status 2; the window shows it in its banner.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


def first_line(error: Exception) -> str:
    """What a library's error says, in one line of at most 200 characters; its type where it says nothing."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    telling = [line for line in lines if line.strip() and not _WHERE.search(line)]
    first, *more = telling or lines[:1]
    # "OpConversionFailure:" alone is no answer.
    whole = f"{first} {more[0].strip()}" if more and first.endswith(":") else first
    return printable(whole[:200])
