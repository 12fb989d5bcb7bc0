"""Export a checkpoint to ONNX, for the CPU engine."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from cpm_live.core.errors import InputError
from cpm_live.core.whole_file import whole
from cpm_live.network import checkpoint
from cpm_live.network.cpm import PoseNetwork
from cpm_live.network.trunks import SameConv

OPSET = 17


def export(weights: Path, out: Path) -> Path:
    """Write ``out`` (.onnx) with the checkpoint's metadata; the file appears whole or not at all.

    Weights that fp16 holds exactly are stored so and widened when the file is loaded: nothing is lost.

    Raises:
        InputError: unreadable weights, or the file cannot be written.
    """
    machine, header = checkpoint.load(weights)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # Another process may be exporting the same checkpoint into the cache.
        with whole(out, shared=True) as temporary:
            _write(machine, temporary)
            model = onnx.load(str(temporary))
            _pad_inside(model, machine)
            _halve(model)
            helper.set_model_props(model, header.to_metadata())
            onnx.checker.check_model(model)
            onnx.save(model, str(temporary))
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror or error}; free some space or write elsewhere") from None
    return out


def _write(machine: PoseNetwork, path: Path) -> None:
    size = machine.preset.size
    images = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    centres = torch.full((1, 2), (size - 1) / 2)
    names = ["images", "centres"]
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but its graphs for these plain networks are smaller, and it
        # needs no onnxscript.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            machine,
            (images, centres),
            str(path),
            input_names=names,
            output_names=["beliefs"],
            dynamic_axes={"images": {0: "n"}, "centres": {0: "n"}, "beliefs": {0: "n"}},
            opset_version=OPSET,
            dynamo=False,
        )


def _pad_inside(model: onnx.ModelProto, machine: PoseNetwork) -> None:
    """Let convolutions pad for themselves, which ONNX's can do unevenly and torch's cannot.

    A padding of its own makes ONNX Runtime leave its blocked layout and come back to it: 8 % of the time.
    """
    graph = model.graph
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        module = machine.get_submodule(pad.name.strip("/").rpartition("/")[0].replace("/", "."))
        users = [node for node in graph.node if pad.output[0] in node.input]
        if not isinstance(module, SameConv) or module.pad is None or [node.op_type for node in users] != ["Conv"]:
            continue
        left, right, top, bottom = module.pad
        users[0].input[0] = pad.input[0]
        attributes = {attribute.name: attribute for attribute in users[0].attribute}
        attributes["pads"].ints[:] = [top, left, bottom, right]
    _sweep(graph)


def _sweep(graph: onnx.GraphProto) -> None:
    """Remove nodes whose results nobody uses."""
    used = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if used.intersection(node.output):
            kept.append(node)
            used.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))


def _halve(model: onnx.ModelProto) -> None:
    """Store fp32 initialisers that fp16 holds exactly as fp16 behind a Cast, folded while loading.

    Those of an fp16 checkpoint are, except where the exporter merged batch normalisation into them.
    """
    graph = model.graph
    casts = []
    for index, tensor in enumerate(list(graph.initializer)):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 256:
            continue
        name, values = tensor.name, numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            short = values.astype(np.float16)
        if not np.array_equal(short.astype(np.float32), values):
            continue
        half = numpy_helper.from_array(short, f"{name}.fp16")
        graph.initializer[index].CopyFrom(half)
        casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
