"""Caffe's files against OpenCV's Caffe reader, which runs the same two files by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import BODY, HAND
from cpm_live.network.cpm import build
from cpm_live.network.importers import caffe
from cpm_live.network.importers.layout import Imported
from tests.network.importers import caffe_files
from tests.network.importers.caffe_files import MPI, OPENPOSE_HAND, CaffeNet

SIZE = 96
CENTRE = (40.0, 52.0)
# testing/config.m of the release: head, neck, right arm, left arm, right leg, left leg, background.
RELEASE = {"head_top": 0, "neck": 1, "right_shoulder": 2, "left_wrist": 7, "right_hip": 8, "left_ankle": 13}


def by_opencv(net: CaffeNet, prototxt: Path, model: Path, picture: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """The belief maps of each stage, in their makers' order."""
    y, x = np.mgrid[:SIZE, :SIZE]
    sigma = 21 * SIZE / 368
    centre = np.exp(-((x - CENTRE[0]) ** 2 + (y - CENTRE[1]) ** 2) / (2 * sigma**2))
    planes = [*(picture.transpose(2, 0, 1) / 256 - 0.5), *([centre] if net.picture == "image" else [])]
    runs = cv2.dnn.readNetFromCaffe(str(prototxt), str(model))
    runs.setInput(np.asarray([planes], np.float32))
    return [np.asarray(maps[0]) for maps in runs.forward(net.heads)]


def by_us(imported: Imported, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(T, K+1, h, w)."""
    machine = build(replace(imported.preset, size=SIZE))
    machine.load_state_dict(imported.state)
    with torch.inference_mode():
        maps: NDArray[np.float32] = machine(
            torch.from_numpy(picture.transpose(2, 0, 1).copy())[None], torch.tensor([CENTRE])
        )[0].numpy()
    return maps


@pytest.fixture(scope="module")
def picture() -> NDArray[np.uint8]:
    rough = np.random.default_rng(1).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(rough, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_the_papers_body_answers_as_in_caffe(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    net = caffe_files.paper(SIZE, stages=3, maps=15)
    prototxt, model = net.write(tmp_path)
    imported = caffe.read(model)
    theirs, ours = by_opencv(net, prototxt, model, picture), by_us(imported, picture)
    assert imported.known.skeleton is BODY and len(ours) == len(theirs) == 3
    for stage in range(3):
        assert np.abs(theirs[stage]).max() > 0.1
        for joint, place in RELEASE.items():
            assert ours[stage, BODY.index(joint)] == pytest.approx(theirs[stage][place], abs=2e-3), (stage, joint)
        assert ours[stage, -1] == pytest.approx(theirs[stage][14], abs=2e-3)


def test_the_vgg_body_answers_as_in_caffe(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    net = caffe_files.vgg(SIZE, 3, 15, MPI, centre=True)
    prototxt, model = net.write(tmp_path)
    imported = caffe.read(model)
    theirs, ours = by_opencv(net, prototxt, model, picture), by_us(imported, picture)
    assert imported.preset.centre_map and imported.preset.tail == (512, 512, 256, 256, 256, 256, 128)
    for stage in range(3):
        for joint, place in RELEASE.items():
            assert ours[stage, BODY.index(joint)] == pytest.approx(theirs[stage][place], abs=2e-3), (stage, joint)


def test_openposes_hand_answers_as_in_caffe(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    """It knows right hands only; OpenPose mirrors left ones, which nobody tells us: the surer of both looks."""
    net = caffe_files.vgg(SIZE, 2, 22, OPENPOSE_HAND, centre=False)
    prototxt, model = net.write(tmp_path)
    imported = caffe.read(model)
    assert imported.known.skeleton is HAND and not imported.preset.centre_map
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    plain = by_opencv(net, prototxt, model, picture)
    turned = [maps[:, :, ::-1] for maps in by_opencv(net, prototxt, model, mirrored)]
    sure, surer = (float(stages[-1][:-1].max(axis=(1, 2)).mean()) for stages in (plain, turned))
    assert abs(sure - surer) > 1e-3
    best = turned if surer > sure else plain
    # One of the two is a right hand to it, whichever way the picture is shown.
    for ours in (by_us(imported, picture), by_us(imported, mirrored)[..., ::-1]):
        for stage in range(2):
            assert ours[stage] == pytest.approx(best[stage], abs=2e-3)


def test_the_upper_body_of_flic(tmp_path: Path) -> None:
    net = caffe_files.paper(SIZE, stages=4, maps=10)
    imported = caffe.read(net.write(tmp_path)[1])
    assert imported.preset.name == "paper-flic" and imported.preset.stages == 4
    assert imported.known.skeleton.joints[:3] == ("left_shoulder", "left_elbow", "left_wrist")
    assert imported.known.finder == "person"
    # Its makers sorted left and right by where they lie in the picture; a person's own they are only from the front.
    assert "left and right as of one who faces you" in imported.known.note


def test_files_of_an_older_caffe(tmp_path: Path) -> None:
    net = caffe_files.vgg(SIZE, 2, 22, OPENPOSE_HAND, centre=False)
    _, new = net.write(tmp_path)
    old = tmp_path / "old.caffemodel"
    old.write_bytes(caffe_files.caffemodel(net.weights, old=True))
    states = caffe.read(new).state, caffe.read(old).state
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def _without(net: CaffeNet, layer: str) -> CaffeNet:
    del net.weights[layer]
    return net


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (lambda: caffe_files.vgg(SIZE, 2, 1, MPI, centre=False), "finder of people"),
        (lambda: caffe_files.vgg(SIZE, 2, 71, OPENPOSE_HAND, centre=False), "71 maps; known are 10, 15, 22"),
        (lambda: _without(caffe_files.paper(SIZE, 2, 15), "Mconv3_stage2"), "Mconv3_stage2 is missing"),
    ],
)
def test_what_is_not_known_is_said(tmp_path: Path, net: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        caffe.read(net().write(tmp_path)[1])


def test_openposes_body_is_refused(tmp_path: Path) -> None:
    net = CaffeNet(SIZE, centre=False)
    net.conv("conv1_1", "data", 8, 3)
    net.conv("Mconv1_stage2_L1", "conv1_1", 8, 3)
    with pytest.raises(InputError, match="part affinity fields"):
        caffe.read(net.write(tmp_path)[1])


def test_a_file_that_is_cut_off_or_none(tmp_path: Path) -> None:
    net = CaffeNet(SIZE, centre=False)
    net.conv("conv1_1", "data", 8, 3)
    whole = caffe_files.caffemodel(net.weights)
    path = tmp_path / "x.caffemodel"
    for content, says in (
        (whole[:-7], "cut off"),
        (b"\xff" * 64, "no .caffemodel"),
        (b"", "none of the layers"),
        (whole, "none of the layers of a CPM"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=says):
            caffe.read(path)


def test_a_shape_that_its_numbers_do_not_fill(tmp_path: Path) -> None:
    weight, bias = np.zeros((2, 2, 1, 1), np.float32), np.zeros(2, np.float32)
    content = caffe_files.caffemodel({"conv1_1": (weight, bias)})
    path = tmp_path / "x.caffemodel"
    # The shape 2, 2, 1, 1 becomes 2, 2, 1, 9.
    path.write_bytes(content.replace(b"\x02\x02\x01\x01", b"\x02\x02\x01\x09"))
    with pytest.raises(InputError, match="holds 4 numbers where its shape has 36"):
        caffe.read(path)


def _layer(name: bytes, *shapes: tuple[int, ...], numbers: int = 1) -> bytes:
    """A layer of Caffe's whose blobs say that they have these shapes."""
    field, varint = caffe_files._field, caffe_files._varint
    content = field(1, name)
    for shape in shapes:
        sides = b"".join(varint(side % 2**64) for side in shape)
        content += field(7, field(5, bytes(4 * numbers)) + field(7, field(1, sides)))
    return field(100, content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (_layer(b"conv1_1", (-5, 0, 1, 1), (1,), numbers=0), "no convolution has: -5, 0, 1, 1"),
        (_layer(b"conv1_1", (2**62, 0, 2**62, 1), (1,), numbers=0), "no convolution has"),
        (_layer(b"conv1_1", (1,) * 100, (1,)), "no convolution has: 1, 1, 1, 1, 1$"),
        (_layer(b"conv\xff", (1, 1, 1, 1), (1,)), "none of the layers of a CPM"),
        (_layer(b"two\nlines" + b"x" * 10_000, (1, 1, 1, 1), (1,)), r"\('two\\nlinesx+'...\)"),
        (_layer(b"conv1_stage1", (1, 1, 1, 1), (1,)) + _layer(b"Mconv1_stage" + b"9" * 5000, (1, 1, 1, 1), (1,)),
         "it has 1 stages"),
        (_layer(b"") * 10_001, "10001 layers, which no network has"),
    ],
    ids=["negative", "too large", "dimensions", "no text", "name", "number", "layers"],
)  # fmt: skip
def test_what_somebody_made_up_is_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as told:
        caffe.read(path)
    assert len(str(told.value)) < 200 and "\n" not in str(told.value)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"dilation": 2, "pad": 8}, "a dilation"),
        ({"stride": 2}, "a stride"),
        ({"stride_h": 2}, "a stride"),
        ({"group": 2}, "groups"),
        ({"pad": 0}, "another padding"),
        ({"pad_h": 7}, "another padding"),
    ],
)
def test_what_the_weights_do_not_tell(tmp_path: Path, how: dict[str, int], says: str, old: bool) -> None:
    """Such a network would be taken for one of the release's, and answer something else."""
    net = CaffeNet(SIZE, centre=False)
    net.conv("conv1_stage1", "data", 8, 9)
    path = tmp_path / "x.caffemodel"
    path.write_bytes(caffe_files.caffemodel(net.weights, old, **how))
    with pytest.raises(InputError, match=f"the layer conv1_stage1 has {says}, as no layer of a CPM"):
        caffe.read(path)
    path.write_bytes(caffe_files.caffemodel(net.weights, old, stride=1, group=1, dilation=1))
    with pytest.raises(InputError, match="it has 1 stages"):
        caffe.read(path)
