"""Text that is written line by line, to a file or to whoever reads what we print."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
from pathlib import Path
from typing import IO

from cpm_live.core.errors import InputError

log = logging.getLogger("cpm_live.recording")

STANDARD_OUTPUT = Path("-")
"""Instead of a file's path: to whoever reads what we print, each line at once."""
_LONGEST_LINE = 2**20
"""Bytes: a frame with everybody in it takes a hundredth of it."""


def refuse_unwritable(path: Path) -> None:
    """Find out whether a file can be written without touching what is in it.

    Raises:
        InputError: it cannot.
    """
    if path == STANDARD_OUTPUT:
        return
    try:
        there = os.path.lexists(path)
        if there and not (path.is_file() or path.is_dir()):
            return  # a pipe, which may only be opened once, or a link to a file that is not there yet
        folder = path.parent
        # A drive or share that is not there is its own parent.
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        if folder != path.parent:
            # It is made when there is something to write.
            if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
                raise InputError(f"cannot write {path}: nothing can be made in {folder}")
            return
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


class TextFile:
    """A text file, or standard output.

    Args:
        path: the file, or :data:`STANDARD_OUTPUT`.
        what: is written, for messages.
        at_once: each line is on its way to the disk when it is written, and not only when there are many.

    Raises:
        InputError: the file cannot be written.
        BrokenPipeError: nobody reads standard output any more.
    """

    def __init__(self, path: Path, what: str, at_once: bool = False) -> None:
        self.path, self._what, self._broken = path, what, False
        try:
            self._file = self._opened(path, at_once)
        except OSError as error:
            raise self._refusal(error) from None

    def _opened(self, path: Path, at_once: bool) -> IO[str]:
        where: Path | int = path
        if to_print := path == STANDARD_OUTPUT:
            # Not through sys.stdout: whatever the terminal's encoding, JSON is UTF-8.
            if sys.stdout is None:
                raise InputError(f"cannot print {self._what}: standard output is closed")
            where = sys.stdout.fileno()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever reads a pipe wants each frame when it is seen.
        buffering = 1 if at_once or to_print or (path.exists() and not path.is_file()) else -1
        # Names of files that are not UTF-8 become JSON's own escapes.
        return open(
            where, "w", buffering, "utf-8", errors="backslashreplace", newline="\n", closefd=not to_print
        )  # fmt: skip

    def write(self, text: str) -> None:
        """Add whole lines."""
        try:
            self._file.write(text)
        except OSError as error:
            self._broken = True
            # Whose first line this was has no one to close it, and Python 3.13 complains about such files by itself.
            with contextlib.suppress(OSError, InputError):
                self.close()
            raise self._refusal(error) from None

    def _refusal(self, error: OSError) -> Exception:
        if self.path == STANDARD_OUTPUT:
            # Windows says EINVAL of a pipe that nobody reads.
            if isinstance(error, BrokenPipeError) or (sys.platform == "win32" and error.errno == errno.EINVAL):
                return BrokenPipeError(*error.args)
            return InputError(f"cannot print {self._what}: {error.strerror}")
        return InputError(f"cannot write {self.path}: {error.strerror}")

    def close(self) -> None:
        """End the file. Where the disk was full, half a line at its end, which no reader takes, is cut off."""
        try:
            self._file.close()
        except OSError as error:
            self._broken = True
            raise self._refusal(error) from None
        finally:
            # Only now: what the file's buffer still held has been written, as far as it went.
            if self._broken and self.path != STANDARD_OUTPUT and self.path.is_file():
                _cut_half_a_line(self.path)


def _cut_half_a_line(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            start = max(0, file.seek(0, 2) - _LONGEST_LINE)
            file.seek(start)
            file.truncate(start + file.read().rfind(b"\n") + 1)
    except OSError as error:
        log.warning("%s may end in half a line: %s", path, error)
