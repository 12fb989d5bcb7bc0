"""Films in HDR: what an ordinary picture is like that went through one."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from cpm_live.capture.hdr import BT2020, HLG, PQ, for_screens
from cpm_live.capture.video import VideoSource
from cpm_live.drawing import figures

Floats = NDArray[np.float64]

_WIDER = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
"""BT.2087: linear BT.709 to linear BT.2020."""
_UNTOLD = 2
_PYAV = int(av.__version__.split(".")[0])


def _pq(nits: Floats) -> Floats:
    """BT.2100's inverse EOTF."""
    y = (nits / 10000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def _hlg(nits: Floats) -> Floats:
    """BT.2100's inverse OOTF, by luminance, and OETF."""
    light = np.sum(nits * (0.2627, 0.6780, 0.0593), axis=-1, keepdims=True)
    e = np.maximum(nits, 1e-9) / 1000 * (np.maximum(light, 1e-9) / 1000) ** (1 / 1.2 - 1)
    return np.where(
        e <= 1 / 12, np.sqrt(3 * e), 0.17883277 * np.log(np.maximum(12 * e - 0.28466892, 1e-9)) + 0.55991073
    )


def _hdr(picture: NDArray[np.uint8], transfer: int) -> Floats:
    """A screen's picture (BGR) as HDR has it (BT.2408: white at 203 cd/m2), R'G'B' 0..1."""
    light = (picture[..., ::-1] / 255.0) ** 2.4 @ _WIDER.T
    return np.clip((_pq if transfer == PQ else _hlg)(203 * np.clip(light, 0, 1)), 0, 1)


def _write(path: Path, picture: NDArray[np.uint8], transfer: int, film_says: bool = True) -> None:
    """As phones do: ten bits, BT.2020, H.265. The file says so, and the film in it if wanted."""
    rgb = _hdr(picture, transfer)
    luma = rgb @ (0.2627, 0.6780, 0.0593)
    parts = (luma * 876 + 64, (rgb[..., 2] - luma) / 1.8814 * 896 + 512, (rgb[..., 0] - luma) / 1.4746 * 896 + 512)
    frame = av.VideoFrame(picture.shape[1], picture.shape[0], "yuv444p10le")
    for plane, values in zip(frame.planes, parts, strict=True):
        lines = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        lines[:, : plane.width] = np.round(values)
        plane.update(lines.tobytes())
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx265", rate=20, options={"x265-params": "log-level=none", "crf": "4"})
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "yuv444p10le"
        about = stream.codec_context
        about.color_range = 1
        if not film_says:
            about.open()
        if transfer != _UNTOLD:
            about.color_trc, about.color_primaries, about.colorspace = transfer, BT2020, 9
        frame.colorspace, frame.color_range = 9, 1
        for index in range(3):
            frame.pts = index
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _delta_e(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Floats:
    one, other = (cv2.cvtColor((p / np.float32(255)).astype(np.float32), cv2.COLOR_BGR2Lab) for p in (a, b))
    return np.linalg.norm(one - other, axis=-1)


def _picture() -> NDArray[np.uint8]:
    """A person, in front of every colour, none of them as bright as paper."""
    v, u = np.mgrid[:240, :320]
    ground = np.stack([u * 179 // 319, np.full_like(u, 120), 60 + v * 160 // 239], axis=-1).astype(np.uint8)
    picture = cv2.cvtColor(ground, cv2.COLOR_HSV2BGR)
    figures.draw_body(picture, figures.body_joints(figures.BodyPose((0.6, 1.4)), (160, 120), 50))
    return np.minimum(picture, 225)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_film_from_a_phone_has_the_colours_that_it_was_made_of(tmp_path: Path, transfer: int) -> None:
    picture = _picture()
    _write(tmp_path / "a.mp4", picture, transfer)
    source = VideoSource(str(tmp_path / "a.mp4"))
    frame = source.read()
    source.close()
    assert frame is not None
    off = _delta_e(frame.image, picture)
    assert off.mean() < 4 and np.percentile(off, 95) < 9, (off.mean(), np.percentile(off, 95))
    pale = np.round(255 * _hdr(picture, transfer)[..., ::-1]).astype(np.uint8)
    assert _delta_e(pale, picture).mean() > 3 * off.mean(), "as it is stored"


@pytest.mark.skipif(_PYAV < 18, reason="FFmpeg forgets what such a file says while it opens it")
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_film_may_leave_it_to_its_file_to_say_what_it_is(tmp_path: Path, name: str) -> None:
    picture = _picture()
    _write(tmp_path / name, picture, HLG, film_says=False)
    source = VideoSource(str(tmp_path / name))
    for _ in range(2):
        frame = source.read()
        assert frame is not None and _delta_e(frame.image, picture).mean() < 4.5
        source.seek(0.05)
    source.close()


@pytest.mark.skipif(_PYAV < 17, reason="pictures do not tell before")
def test_what_is_joined_to_a_film_in_hdr_is_none_by_that(tmp_path: Path) -> None:
    picture = _picture()
    _write(tmp_path / "a.hevc", picture, PQ)
    _write(tmp_path / "b.hevc", picture, _UNTOLD)
    (tmp_path / "ab.hevc").write_bytes((tmp_path / "a.hevc").read_bytes() + (tmp_path / "b.hevc").read_bytes())
    joined, alone = VideoSource(str(tmp_path / "ab.hevc")), VideoSource(str(tmp_path / "b.hevc"))
    after = [joined.read() for _ in range(6)][-1]
    as_it_is = [alone.read() for _ in range(3)][-1]
    joined.close()
    alone.close()
    assert after is not None and as_it_is is not None and (after.image == as_it_is.image).all()


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_greys_stay_greys_and_brighter_is_brighter(transfer: int) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    shown = for_screens(ramp, transfer, BT2020)[0].astype(int)
    assert (np.abs(shown - shown[:, :1]) <= 1).all() and (np.diff(shown[:, 0]) >= 0).all()
    assert shown[0, 0] == 0 and shown[-1, 0] >= 254
    white = round(255 * float((_pq if transfer == PQ else _hlg)(np.full(3, 203.0))[0]))
    assert 235 < shown[white, 0] < 252, "a screen's white, and room for what is brighter"
    grey = round(255 * float((_pq if transfer == PQ else _hlg)(np.full(3, 203.0 * 0.5**2.4))[0]))
    assert shown[grey, 0] == pytest.approx(127, abs=3)


def test_films_for_ordinary_screens_stay_as_they_are() -> None:
    picture = _picture()
    for transfer, primaries in ((1, 1), (2, 2), (13, 1), (6, 6)):
        assert for_screens(picture, transfer, primaries) is picture
    wide = for_screens(picture, 14, BT2020)
    assert (wide != picture).any() and np.abs(wide.astype(int).mean(axis=2) - picture.mean(axis=2)).max() < 60
    assert (for_screens(picture, HLG, 2) == for_screens(picture, HLG, BT2020)).all(), "nobody tells: they go together"
