"""Caffe networks with made-up weights: the ``.prototxt`` and the ``.caffemodel``, written byte by byte.

Layers are named and joined as in shihenw/convolutional-pose-machines-release (``training/genProto.py`` and
``model/_trained_MPI/pose_deploy_resize.prototxt``) and OpenPose's ``models/hand/pose_deploy.prototxt``.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]


class CaffeNet:
    """A network that grows layer by layer; ``heads`` are the layers whose outputs are belief maps."""

    def __init__(self, size: int, centre: bool, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)
        self._lines = [f'input: "data"\ninput_dim: 1\ninput_dim: {3 + centre}\ninput_dim: {size}\ninput_dim: {size}']
        self._channels = {"data": 3 + centre, "image": 3, "pool_center_lower": 1}
        self.weights: Weights = {}
        self.heads: list[str] = []
        if centre:
            self._layer("image", "Slice", ["data"], "slice_param { slice_point: 3 axis: 1 }", ["image", "center_map"])
            pool = "pooling_param { pool: AVE kernel_size: 9 stride: 8 }"
            self._layer("pool_center_lower", "Pooling", ["center_map"], pool)
        self.picture = "image" if centre else "data"

    def _layer(self, name: str, kind: str, below: list[str], more: str = "", above: list[str] | None = None) -> None:
        joined = [f'bottom: "{one}"' for one in below] + [f'top: "{one}"' for one in above or [name]]
        self._lines.append(f'layer {{ name: "{name}" type: "{kind}" {" ".join(joined)} {more} }}')

    def conv(self, name: str, below: str, outputs: int, kernel: int, head: bool = False) -> str:
        inputs = self._channels[below]
        spread = (0.5 if head else 2.0) / (inputs * kernel * kernel)
        weight = self._random.normal(0, spread**0.5, (outputs, inputs, kernel, kernel)).astype(np.float32)
        self.weights[name] = weight, self._random.normal(0, 0.1, outputs).astype(np.float32)
        parameters = f"convolution_param {{ num_output: {outputs} pad: {kernel // 2} kernel_size: {kernel} }}"
        self._layer(name, "Convolution", [below], parameters)
        if head:
            self.heads.append(name)
        else:
            self._layer(f"relu_{name}", "ReLU", [name], above=[name])
        self._channels[name] = outputs
        return name

    def pool(self, name: str, below: str, kernel: int) -> str:
        self._layer(name, "Pooling", [below], f"pooling_param {{ pool: MAX kernel_size: {kernel} stride: 2 }}")
        self._channels[name] = self._channels[below]
        return name

    def concat(self, name: str, below: list[str]) -> str:
        self._layer(name, "Concat", below, "concat_param { axis: 1 }")
        self._channels[name] = sum(self._channels[one] for one in below)
        return name

    def write(self, folder: Path, name: str = "pose_iter_1") -> tuple[Path, Path]:
        """``NAME.prototxt`` and ``NAME.caffemodel``."""
        prototxt, model = folder / f"{name}.prototxt", folder / f"{name}.caffemodel"
        prototxt.write_text("\n".join(self._lines))
        model.write_bytes(caffemodel(self.weights))
        return prototxt, model


def paper(size: int, stages: int, maps: int, seed: int = 0) -> CaffeNet:
    net = CaffeNet(size, centre=True, seed=seed)
    pooled = {}
    for stage in (1, 2):
        at = net.picture
        for n in (1, 2, 3):
            at = net.pool(f"pool{n}_stage{stage}", net.conv(f"conv{n}_stage{stage}", at, 128, 9), 3)
        pooled[stage] = at
    at = net.conv("conv4_stage1", pooled[1], 32, 5)
    at = net.conv("conv6_stage1", net.conv("conv5_stage1", at, 512, 9), 512, 1)
    beliefs = net.conv("conv7_stage1", at, maps, 1, head=True)
    for stage in range(2, stages + 1):
        features = net.conv(f"conv{4 if stage == 2 else 1}_stage{stage}", pooled[2], 32, 5)
        at = net.concat(f"concat_stage{stage}", [features, beliefs, "pool_center_lower"])
        for n, kernel in enumerate((11, 11, 11, 1), 1):
            at = net.conv(f"Mconv{n}_stage{stage}", at, 128, kernel)
        beliefs = net.conv(f"Mconv5_stage{stage}", at, maps, 1, head=True)
    return net


MPI = ("4_1:512", "4_2:512", "4_3_CPM:256", "4_4_CPM:256", "4_5_CPM:256", "4_6_CPM:256", "4_7_CPM:128")
OPENPOSE_HAND = ("4_1:512", "4_2:512", "4_3:512", "4_4:512", "5_1:512", "5_2:512", "5_3_CPM:128")


def vgg(size: int, stages: int, maps: int, tail: tuple[str, ...], centre: bool, seed: int = 0) -> CaffeNet:
    net = CaffeNet(size, centre, seed)
    at = net.picture
    for block, (outputs, count) in enumerate(((64, 2), (128, 2), (256, 4)), 1):
        for n in range(1, count + 1):
            at = net.conv(f"conv{block}_{n}", at, outputs, 3)
        at = net.pool(f"pool{block}_stage1", at, 2)
    for part in tail:
        name, _, channels = part.partition(":")
        at = net.conv(f"conv{name}", at, int(channels), 3)
    features, block = at, int(tail[-1][0]) + 1
    at = net.conv(f"conv{block}_1_CPM", at, 512, 1)
    beliefs = net.conv(f"conv{block}_2_CPM", at, maps, 1, head=True)
    for stage in range(2, stages + 1):
        at = net.concat(f"concat_stage{stage}", [beliefs, features, *(["pool_center_lower"] if centre else [])])
        for n, kernel in enumerate((7, 7, 7, 7, 7, 1), 1):
            at = net.conv(f"Mconv{n}_stage{stage}", at, 128, kernel)
        beliefs = net.conv(f"Mconv7_stage{stage}", at, maps, 1, head=True)
    return net


# -- protocol buffers' wire format, by hand: what reads it has nothing of it ------------------------


_HOW = {
    "num_output": 1,
    "pad": 3,
    "kernel_size": 4,
    "group": 5,
    "stride": 6,
    "pad_h": 9,
    "stride_h": 13,
    "dilation": 18,
}


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def caffemodel(weights: Weights, old: bool = False, **how: int) -> bytes:
    """A NetParameter with these layers; ``old`` as Caffe wrote them until 2014 (V1LayerParameter, sizes one by one).

    ``how``: what else than usual the ConvolutionParameter of each says.
    """
    net = _field(1, b"made up")
    for name, blobs in weights.items():
        kernel = blobs[0].shape[-1]
        told = {"num_output": len(blobs[0]), "pad": kernel // 2, "kernel_size": kernel} | how
        convolution = b"".join(_varint(_HOW[key] << 3) + _varint(value) for key, value in told.items())
        written = [_old_blob(blob) if old else _blob(blob) for blob in blobs]
        if old:
            layer = _field(4, name.encode()) + b"".join(_field(6, blob) for blob in written) + _field(10, convolution)
        else:
            kind = _field(2, b"Convolution")
            layer = _field(1, name.encode()) + kind + b"".join(_field(7, blob) for blob in written)
            layer += _field(106, convolution)
        net += _field(2 if old else 100, layer)
    return net


def _blob(values: NDArray[np.float32]) -> bytes:
    shape = _field(1, b"".join(_varint(side) for side in values.shape))
    return _field(5, values.astype("<f4").tobytes()) + _field(7, shape)


def _old_blob(values: NDArray[np.float32]) -> bytes:
    sides = (1,) * (4 - values.ndim) + values.shape
    numbers = b"".join(_varint(place << 3) + _varint(side) for place, side in enumerate(sides, 1))
    return numbers + _varint(5 << 3 | 2) + _varint(4 * values.size) + struct.pack(f"<{values.size}f", *values.ravel())
