"""Caffe's ``.caffemodel``: the release of the CPM paper, and OpenPose's hand.

The names of layers are those of shihenw/convolutional-pose-machines-release (``training/genProto.py``,
``model/*/pose_deploy*.prototxt``) and of OpenPose's ``models/hand/pose_deploy.prototxt``; the file format is
``src/caffe/proto/caffe.proto`` of BVLC/caffe (all on GitHub).
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from cpm_live.core.errors import InputError
from cpm_live.network.importers import layout
from cpm_live.network.importers.known import CAFFE
from cpm_live.network.importers.layout import Convolution, Imported
from cpm_live.network.presets import PRESETS, Preset

_STAGE = re.compile(r"Mconv([0-9]+)_stage([0-9]{1,2})$")
_MOST_LAYERS = 10_000
"""The release's have about a hundred. A file of a few megabytes may hold millions of empty ones."""

# What of caffe.proto is needed: message, field, number, type (or another message), repeated.
_PROTO = {
    "Shape": (("dim", 1, "int64", True),),
    # Packed floats travel as bytes do: read as bytes they need no list of millions of Python numbers.
    "Blob": (
        ("num", 1, "int32", False), ("channels", 2, "int32", False), ("height", 3, "int32", False),
        ("width", 4, "int32", False), ("data", 5, "bytes", False), ("shape", 7, "Shape", False),
    ),
    "How": (
        ("pad", 3, "uint32", True), ("group", 5, "uint32", False), ("stride", 6, "uint32", True),
        ("pad_h", 9, "uint32", False), ("pad_w", 10, "uint32", False), ("stride_h", 13, "uint32", False),
        ("stride_w", 14, "uint32", False), ("dilation", 18, "uint32", True),
    ),
    # Names as bytes: nothing makes sure that they are text.
    "Layer": (("name", 1, "bytes", False), ("blobs", 7, "Blob", True), ("how", 106, "How", False)),
    "OldLayer": (("name", 4, "bytes", False), ("blobs", 6, "Blob", True), ("how", 10, "How", False)),
    "Net": (("layers", 2, "OldLayer", True), ("layer", 100, "Layer", True)),
}  # fmt: skip


def read(path: Path) -> Imported:
    """A network of ours with a ``.caffemodel``'s weights.

    Raises:
        InputError: not Caffe's, or no CPM that is known here.
    """
    found = _convolutions(path)
    if any(name.endswith(("_L1", "_L2")) for name in found):
        raise InputError("it is OpenPose's body network, which is no CPM: it also gives part affinity fields")
    if "conv1_stage1" in found:
        return _paper(found)
    if "conv1_1" in found and "Mconv1_stage2" in found:
        return _vgg(found)
    some = ", ".join(map(_told, [*found][:3])) or "no convolutions"
    raise InputError(f"it has none of the layers of a CPM ({some}...)")


def _paper(found: dict[str, Convolution]) -> Imported:
    stages = _stages(found)
    ours = {f"conv{n}_stage1": name for n, name in enumerate(layout.PAPER_FIRST, 1)}
    ours |= {f"conv{n}_stage2": name for n, name in enumerate(layout.PAPER_EYES, 1)}
    ours["conv4_stage2"] = "features.0.0"
    ours |= {f"conv1_stage{stage}": f"features.{stage - 2}.0" for stage in range(3, stages + 1)}
    ours |= _later(layout.PAPER_LATER, stages)
    maps = _maps(found, "conv7_stage1")
    preset = PRESETS["paper-flic" if maps == 10 else "paper"]
    centre = _width(found) > layout.PAPER_FEATURES + maps
    preset = replace(preset, stages=stages, joints=maps - 1, centre_map=centre)
    return _assembled(found, ours, preset, beliefs_at=layout.PAPER_FEATURES)


def _vgg(found: dict[str, Convolution]) -> Imported:
    stages = _stages(found)
    # Names of the trunk's layers differ from one network to the other; their order does not.
    early = [name for name in found if not name.startswith("Mconv")]
    trunk, first = early[:-2], early[-2:]
    if len(trunk) <= len(layout.VGG_TRUNK):
        raise InputError(f"a trunk of {len(trunk)} convolutions is none of a CPM")
    ours = {name: layout.vgg_trunk(place) for place, name in enumerate(trunk)}
    ours |= dict(zip(first, layout.VGG_FIRST, strict=True)) | _later(layout.VGG_LATER, stages)
    maps = _maps(found, first[1])
    tail = tuple(len(found[name][1]) for name in trunk[len(layout.VGG_TRUNK) :])
    preset = PRESETS["vgg-hand" if maps == 22 else "vgg"]
    centre = _width(found) > tail[-1] + maps
    preset = replace(preset, stages=stages, joints=maps - 1, centre_map=centre, tail=tail)
    return _assembled(found, ours, preset, beliefs_at=0)


def _assembled(found: dict[str, Convolution], ours: dict[str, str], preset: Preset, beliefs_at: int) -> Imported:
    if missing := [name for name in ours if name not in found]:
        raise InputError(f"the layer {missing[0]} is missing")
    convolutions = {name: found[theirs] for theirs, name in ours.items()}
    return layout.assemble(convolutions, preset, CAFFE[preset.joints + 1], beliefs_at)


def _later(inner: tuple[str, ...], stages: int) -> dict[str, str]:
    return {
        f"Mconv{n}_stage{stage}": f"later.{stage - 2}.{name}"
        for stage in range(2, stages + 1)
        for n, name in enumerate(inner, 1)
    }


def _stages(found: dict[str, Convolution]) -> int:
    stages = max((int(match[2]) for match in map(_STAGE.match, found) if match), default=1)
    if not 1 < stages <= layout.MOST_STAGES:
        raise InputError(f"it has {stages} stages")
    return stages


def _maps(found: dict[str, Convolution], head: str) -> int:
    maps = len(found[head][1]) if head in found else 0
    if maps == 1:
        raise InputError("it is the release's finder of people; cpm-live has one of its own")
    if maps not in CAFFE:
        raise InputError(f"it gives {maps} maps; known are {', '.join(map(str, sorted(CAFFE)))}")
    return maps


def _width(found: dict[str, Convolution]) -> int:
    """How many maps and features the second stage sees."""
    return int(found["Mconv1_stage2"][0].shape[1]) if "Mconv1_stage2" in found else 0


# -- the file -------------------------------------------------------------------------------------


@cache
def _net() -> Any:
    """The class that Caffe's files are read with."""
    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="cpm_live/caffe.proto", package="cpm_live.caffe", syntax="proto2")
    for name, fields in _PROTO.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            label = types.LABEL_REPEATED if repeated else types.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            if kind in _PROTO:
                added.type, added.type_name = types.TYPE_MESSAGE, f".cpm_live.caffe.{kind}"
            else:
                added.type = getattr(types, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("cpm_live.caffe.Net"))


def _convolutions(path: Path) -> dict[str, Convolution]:
    """The convolutions with a bias, by name, in the file's order."""
    net = _net()()
    try:
        net.ParseFromString(path.read_bytes())
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from None
    except DecodeError:
        raise InputError("it is no .caffemodel, or it was cut off") from None
    if (count := len(net.layers) + len(net.layer)) > _MOST_LAYERS:
        raise InputError(f"it has {count} layers, which no network has")
    found: dict[str, Convolution] = {}
    for layer in (*net.layers, *net.layer):
        if len(layer.blobs) != 2:
            continue
        name = layer.name.decode("utf-8", "replace")
        weight, bias = (_blob(blob, f"the layer {_told(name)}") for blob in layer.blobs)
        if weight.ndim == 4:
            if layer.HasField("how") and (odd := _odd(layer.how, weight.shape[-1])):
                raise InputError(f"the layer {_told(name)} has {odd}, as no layer of a CPM that is known here")
            found[name] = torch.from_numpy(weight.copy()), torch.from_numpy(bias.reshape(-1).copy())
    return found


def _odd(how: Any, kernel: int) -> str:
    """What is unusual in how a convolution is done, which its weights' shape does not tell; empty if nothing."""
    pads = {*how.pad} | ({how.pad_h, how.pad_w} if how.HasField("pad_h") or how.HasField("pad_w") else set())
    strides = {*how.stride, *(value for value in (how.stride_h, how.stride_w) if value)}
    found = (
        ("a dilation", {*how.dilation} - {1}), ("a stride", strides - {1}), ("groups", {how.group} - {0, 1}),
        ("another padding", (pads or {0}) - {kernel // 2}),
    )  # fmt: skip
    return next((what for what, values in found if values), "")


def _told(name: str) -> str:
    """A layer's name for a message: whatever the file has for one."""
    return name if name.isidentifier() and len(name) <= 60 else f"{name[:60]!r}"


def _blob(blob: Any, where: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    old = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else old
    if not 1 <= len(shape) <= 4 or min(shape) < 1:
        raise InputError(f"{where} has a shape that no convolution has: {', '.join(map(str, shape[:5])) or 'none'}")
    if len(blob.data) != 4 * (size := math.prod(shape)):
        raise InputError(f"{where} holds {len(blob.data) // 4} numbers where its shape has {size}; cut off?")
    return np.frombuffer(blob.data, "<f4").reshape(shape)
