"""The source protocol: what every origin of frames offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from cpm_live.core.errors import InputError
from cpm_live.core.frame import Frame


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source is.

    Attributes:
        kind: ``camera``, ``video``, ``image``, ``folder``, ``stream`` or ``demo``.
        label: for people: the camera's or file's name.
        live: frames come when they come and never end by themselves (camera, stream, demo).
        mirror: whether people expect a mirror image by default (cameras).
        width, height: of the frames, 0 where only the first frame will tell.
        fps: nominal frames per second, 0 where there is none.
        frames: how many frames there will be, None where nobody knows.
        seconds: its length where one can go to any time of it (:class:`Seekable`), else 0.
        files: what is read, which nobody may write over.
        late: of a film: seconds from where the file begins, be it with sound, to the first picture.
        name_now: of what was lost and is back (:class:`Renamed`): what opens it now, as ``SourceRequest.text``.
    """

    kind: str
    label: str
    live: bool
    mirror: bool
    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int | None = None
    seconds: float = 0.0
    files: tuple[Path, ...] = ()
    late: float = 0.0
    name_now: str = ""

    @property
    def unrelated(self) -> bool:
        """Whether its frames are pictures that have nothing to do with each other, rather than a film."""
        return self.kind in ("image", "folder")


class SourceLost(InputError):
    """A live source stopped delivering; opening it again may help.

    Args:
        ended: whether whoever sends it said that this was all.
    """

    def __init__(self, line: str, ended: bool = False) -> None:
        super().__init__(line)
        self.ended = ended


class Source(Protocol):
    """An opened source. Used by one thread at a time.

    Attributes:
        info: what it is; another one where reading shows that it is something else.
    """

    info: SourceInfo

    def read(self) -> Frame | None:
        """The next frame, waiting for a camera; None at the end of a file.

        Raises:
            SourceLost: a camera or stream stopped delivering.
            InputError: a file turned out to be damaged.
        """
        ...

    def close(self) -> None:
        """Let go of the device or file. May be called twice."""
        ...


@runtime_checkable
class LeavesOut(Protocol):
    """A source that goes on without what it cannot read.

    Attributes:
        left_out: names of what was left out so far.
    """

    left_out: list[str]


@runtime_checkable
class Named(Protocol):
    """A source of pictures that have names.

    Attributes:
        current: the picture that the last ``read`` gave.
    """

    current: Path


@runtime_checkable
class Film(Protocol):
    """A source that somebody recorded.

    Attributes:
        ends: when what was read so far is over, in seconds from the first picture; 0 where nobody knows.
        joined: whether its times jumped, as where recordings were joined.
        begins: when its first picture is shown, on the file's own clock (s); None before it was read.
    """

    joined: bool
    begins: float | None

    @property
    def ends(self) -> float: ...


@runtime_checkable
class Held(Protocol):
    """A source that gives the same picture many times."""

    def next_picture(self) -> None:
        """The next read gives another one."""
        ...


@runtime_checkable
class Renamed(Protocol):
    """A source that may have another name when it is back."""

    def name_now(self, asked: str) -> str:
        """What opens it once more, as ``SourceRequest.text``; ``asked`` opened it before."""
        ...


@runtime_checkable
class Seekable(Protocol):
    """A source that goes on anywhere, where its ``info.seconds`` is above 0."""

    def seek(self, seconds: float, before: bool = False, wanted: Callable[[], bool] = lambda: True) -> None:
        """The next read gives the picture that is shown at this time, in seconds from the first.

        Args:
            before: the one before that instead.
            wanted: asked while it is looked for; False gives up, wherever that is.
        """
        ...
