"""What a video file or stream says of itself, read with the care that real ones need."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideDataContainer
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

from cpm_live.capture.hdr import UNTOLD, for_screens

TIMEOUT, SEGMENT_TIMEOUT = 5.0, 12.0
"""Seconds that a stream may be silent; one that comes in segments is silent for the length of one, usually six."""
JUMP_S = 1800.0
"""Seconds between two pictures from which on a format that is made of parts (see :func:`jumps`) began another one."""
ANY_TITLE: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
"""For ``av.open``: titles from before Unicode are no reason not to show a film. PyAV 19 takes them, and no wish."""
_LISTS = (".m3u8", ".mpd")
"""What names of streams in segments end in."""
_SEGMENTED = frozenset(("hls", "dash"))
_SIZELESS = frozenset(("sdp", "rtsp", "rtp", "mpjpeg", "mjpeg"))
"""What has no end, whatever size comes with it."""
_LARGEST, _INVENTED = 1 << 40, frozenset((2**31 - 1, 2**32 - 1))
"""Of films, in bytes; what is written for "no end"."""
_PARTS = frozenset(("mpegts", "mpeg", "flv", "hls"))
_ODDEST = 4.0
"""Times that a pixel is wider than high, or higher than wide: more is a damaged header."""
_TELLING = ("mov", "matroska")
"""Formats (their names' beginnings) that say themselves what a film's colours are."""
_PICTURES_TELL = hasattr(av.VideoFrame, "color_trc")
"""What their own colours are: from PyAV 17 on."""
_LARGEST_SD = (1280, 576)
"""Films that are as wide, or higher, are HD for players, and of BT.709 where they do not say."""
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_UNTIMED = frozenset(("mjpeg", "mpjpeg", "h264", "hevc", "m4v"))
"""Formats without times: FFmpeg counts 25 frames a second, whatever comes."""


def length(container: av.container.InputContainer, video: av.VideoStream) -> float:
    """Seconds of the pictures alone, 0 where nobody knows."""
    if video.duration and video.time_base:
        return float(video.duration * video.time_base)
    # Matroska tells when a track ends; the file's length is that of the longest one, which may be the sound.
    ends = _seconds(video.metadata.get("DURATION", "")) or (container.duration or 0) / 1e6
    if container.format.name.startswith("matroska") and video.start_time and video.time_base:
        ends -= float(video.start_time * video.time_base)
    return max(0.0, ends)


def late(container: av.container.InputContainer, first: float | None) -> float:
    """Seconds from where a file begins, be it with sound, to its first picture: players count from there.

    Args:
        first: when that is shown, on the file's own clock.
    """
    begins = container.start_time
    return max(0.0, first - begins / 1e6) if first is not None and begins is not None else 0.0


def _seconds(text: str) -> float:
    """Of ``00:01:02.500000000``; 0 for anything else."""
    try:
        hours, minutes, seconds = (float(part) for part in text.split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


def rate(video: av.VideoStream) -> float:
    """Pictures a second on average, 0 where nobody knows."""
    average, guessed = float(video.average_rate or 0), float(video.guessed_rate or 0)
    # Of a camcorder's tape (.dv) FFmpeg averages its own clock: 60000 a second.
    return guessed if not average or 0 < guessed < average / 10 else average


def frame_count(container: av.container.InputContainer, video: av.VideoStream, rate: float) -> int | None:
    """About how many pictures there will be, None where nobody knows."""
    counted, by_length = int(video.frames), round(length(container, video) * rate)
    # A trimmed MP4 counts the pictures that are cut off, too.
    if not counted or 0 < by_length < 0.9 * counted:
        return by_length or None
    return counted


def has_times(container: av.container.InputContainer) -> bool:
    """Whether the pictures' times are the file's own."""
    return container.format.name not in _UNTIMED and not is_pictures(container)


def patience(where: str) -> float:
    """Seconds to wait for a stream of this address."""
    return SEGMENT_TIMEOUT if where.lower().partition("?")[0].endswith(_LISTS) else TIMEOUT


def segmented(container: av.container.InputContainer) -> bool:
    """Whether a live stream comes as files of some seconds, each at once, and not picture by picture."""
    return container.format.name in _SEGMENTED


def size(container: av.container.InputContainer) -> int:
    """In bytes, 0 where nobody knows: PyAV 19 says None there, those before it a negative number."""
    return max(0, container.size or 0)


def is_whole(container: av.container.InputContainer) -> bool:
    """Whether what comes from elsewhere is a film with an end: it tells its length or, where the server only sends it
    from its beginning, its size.

    Lists of pieces and descriptions of streams have a size of their own, and some cameras invent one.
    """
    told = 0 < size(container) < _LARGEST and container.size not in _INVENTED
    sized = told and not segmented(container) and container.format.name not in _SIZELESS
    return bool(container.duration) or (sized and not is_pictures(container))


def jumps(container: av.container.InputContainer) -> bool:
    """Whether times may jump where one recording ends and another one begins: broadcasts and joined files."""
    return container.format.name in _PARTS


def is_pictures(container: av.container.InputContainer) -> bool:
    """Whether pictures follow each other without a film around them: often one alone, which somebody linked to."""
    return container.format.name == "image2" or container.format.name.endswith("_pipe")


def film_of(container: av.container.InputContainer) -> av.VideoStream | None:
    """The film among a file's pictures: the largest of several qualities, never a song's cover; of a kind that nobody
    here can decode only where there is no other. The others are not fetched."""
    candidates = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    # Without a decoder it has no size either.
    known = [stream for stream in candidates if stream.codec_context is not None]
    film = max(known, key=lambda s: s.width * s.height, default=candidates[0] if candidates else None)
    # PyAV has it from version 18 on; without, they are fetched in vain.
    discard = getattr(av.stream, "Discard", None)
    for other in container.streams:
        # Sound that is not in segments comes anyhow, and says that its sender is there.
        heard = other.type == "audio" and not segmented(container)
        if discard is not None and film is not None and other is not film and not heard:
            other.discard = discard.all
    return film


def shown_at(packet: av.Packet[Any]) -> float | None:
    """When what a packet holds is shown or heard, in seconds on the file's own clock; None where it does not say."""
    return float(packet.pts * packet.time_base) if packet.pts is not None and packet.time_base else None


def demux(container: av.container.InputContainer, track: Any) -> Iterator[av.Packet[Any]]:
    """The packets of a track. PyAV stumbles, or not, over another one that comes up in the middle of a file: broadcasts
    have such, and damaged files; it goes on after that."""
    ended = False
    while not ended:
        try:
            for packet in container.demux(track):
                ended = packet.dts is None and not packet.size
                yield packet
            return
        except IndexError:
            continue


def packets(
    container: av.container.InputContainer,
    film: av.VideoStream,
    promised: deque[tuple[float, float]],
    sought: float | None = None,
) -> Iterator[av.Packet[av.VideoStream]]:
    """A film's packets. One that is empty, as Theora has where nothing moves, is none: decoders refuse it, and the
    picture before stays.

    Args:
        promised: here goes from when to when each one's picture is shown, in seconds.
        sought: the last picture up to then is wanted, and all that follow. Of those before it the decoder leaves out
            what no other needs.
    """
    about, latest = film.codec_context, -np.inf
    # Only H.264 says so for certain: what H.265 calls no reference is none for its own layer.
    until = sought if sought is not None and about.name == "h264" and container.format.name != "avi" else -np.inf
    for packet in demux(container, film):
        if (begins := shown_at(packet)) is not None:
            until = until if begins <= until else -np.inf
            about.skip_frame = "NONREF" if begins < min(latest, until) else "DEFAULT"
            latest = max(latest, begins)
            ends = begins + float((packet.duration or 0) * packet.time_base)
            if not packet.size and promised:
                begins = promised.pop()[0]
            promised.append((begins, ends))
            if not packet.size:
                continue
        yield packet


def is_text(container: av.container.InputContainer) -> bool:
    """Whether FFmpeg would paint letters: it takes notes beside a film for drawings of a terminal."""
    return container.format.name in ("tty", "bin", "xbin", "adf", "idf")


def is_tile(video: av.VideoStream) -> bool:
    """Whether this is one tile of a larger picture, as HEIC and AVIF files hold them."""
    return bool(video.disposition & av.stream.Disposition.dependent)


def pixel_aspect(video: av.VideoStream) -> float:
    """How much wider than high a stored pixel is meant to be shown; 1 where nothing credible is said."""
    aspect = float(video.sample_aspect_ratio or 1)
    return aspect if 1 / _ODDEST < aspect < _ODDEST else 1.0


def colours(container: av.container.InputContainer, video: av.VideoStream) -> tuple[int, int]:
    """The transfer function and the primaries that a file tells of its film, as FFmpeg numbers them; to be asked before
    the first picture is decoded, as decoders of H.265 forget what they do not find in the film itself."""
    # In other formats it is the film's beginning that tells, which may be another recording than what comes then.
    if _PICTURES_TELL and not container.format.name.startswith(_TELLING):
        return UNTOLD, UNTOLD
    about = video.codec_context
    return int(about.color_trc), int(about.color_primaries)


def as_shown(
    picture: av.VideoFrame,
    aspect: float = 1.0,
    scaler: VideoReformatter | None = None,
    told: tuple[int, int] = (UNTOLD, UNTOLD),
) -> NDArray[np.uint8]:
    """The picture (H, W, 3), BGR, as it is meant to be seen: upright, with square pixels.

    Phones store portrait clips lying down, with a matrix beside. Old camcorders squeeze wide pictures: those are
    stretched, for the eye and for the network, neither of which knows people of that shape; no pixel is lost.

    Args:
        aspect: see :func:`pixel_aspect`.
        scaler: one for all pictures of a film: each has threads of its own.
        told: see :func:`colours`; for pictures that do not say.
    """
    width = round(picture.width * max(1.0, aspect))
    height = round(picture.height / min(1.0, aspect))
    # As players guess it; FFmpeg would take all that do not say for BT.601.
    hd = picture.width >= _LARGEST_SD[0] or picture.height > _LARGEST_SD[1]
    stored = Colorspace.ITU709 if hd and picture.colorspace == UNTOLD and not picture.format.is_rgb else None
    scaler = scaler or VideoReformatter()
    # What pictures in RGB are made for is without meaning, but before version 17 PyAV looks at how those of a film are
    # stored only where the two differ.
    image = np.asarray(
        scaler.reformat(
            picture, width, height, "bgr24", src_colorspace=stored, dst_colorspace=Colorspace.ITU601
        ).to_ndarray(),
        np.uint8,
    )
    own = (getattr(picture, "color_trc", UNTOLD), getattr(picture, "color_primaries", UNTOLD))
    image = for_screens(image, *(file if mine == UNTOLD else mine for mine, file in zip(own, told, strict=True)))
    rotation = float(getattr(picture, "rotation", 0))
    try:
        # Not the picture's own: that one would keep the picture, and all its memory, until the garbage is collected.
        matrix: Any = SideDataContainer(picture).get("DISPLAYMATRIX")  # type: ignore[call-arg]
    except ValueError:
        # PyAV does not know every kind of what may lie beside a picture, EXIF for one, and then tells of none.
        matrix = None
    if matrix is not None:
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].astype(float)
        if a * d < b * c:
            # Mirrored as well, which a rotation alone does not tell.
            image, rotation = np.asarray(cv2.flip(image, 1), np.uint8), -float(np.degrees(np.arctan2(-b, -a)))
    # Of a view NumPy makes a picture pixel by pixel: in 4K that takes three times as long as decoding it.
    quarters = round(rotation / 90) % 4
    return np.asarray(cv2.rotate(image, _TURNS[quarters]), np.uint8) if quarters else image


def reason(error: Exception, patience: float = 0.0) -> str:
    """Why FFmpeg or the system refused, as the end of a sentence.

    Args:
        patience: seconds that were waited for, ``TIMEOUT`` if not given.
    """
    if isinstance(error, av.error.ExitError):
        return f"no answer for {patience or TIMEOUT:g} seconds"
    if isinstance(error, av.error.ProtocolNotFoundError):
        return "the FFmpeg in this PyAV does not speak that protocol"
    if isinstance(error, av.error.InvalidDataError):
        return "it is damaged, or not of a kind that FFmpeg knows"
    text = getattr(error, "strerror", None) or str(error)
    return str(text).rstrip(".")
