"""Builds TensorRT engines in a process of its own, so that a build can be cancelled and cannot take the app along.

Run by ``build.Build`` as ``python -m cpm_live.engines.tensorrt_build REQUEST``; tells what it does as JSON
lines on its standard output. Whatever the libraries print goes to standard error instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn

from cpm_live.core.errors import InputError, first_line
from cpm_live.engines import build_cache, nvidia, probe, verify
from cpm_live.engines.cuda import halved, out_of_memory, require_cuda
from cpm_live.engines.recipe import Recipe
from cpm_live.engines.request import recipe_of
from cpm_live.network import checkpoint

Tell = Callable[[str], None]
DEVICE = "cuda"
"""Tests of what happens around TensorRT use another."""


def build(recipe: Recipe, batch: int, where: Path, tell: Tell) -> build_cache.Entry:
    """Build, check and store the engine of one batch size.

    Raises:
        InputError: torch-tensorrt does not load, the build fails, its answers are wrong, no memory, no disk.
    """
    require_cuda()
    torch_tensorrt = probe.load_torch_tensorrt()
    key, timing = build_cache.key(recipe, batch), _Timing(where)
    machine, _ = checkpoint.load(recipe.weights)
    preset = machine.preset
    images, centres = verify.pictures(batch, preset)
    given = torch.from_numpy(images).to(DEVICE), torch.from_numpy(centres).to(DEVICE)
    with torch.inference_mode():
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        wanted = machine.eval().to(DEVICE)(*given).float().cpu().numpy()
    half = halved(machine).to(DEVICE)
    example = given[0].half(), given[1].float()
    tell("tracing the network")
    try:
        with torch.no_grad():
            program = torch.export.export(half, example)
            tell("TensorRT is choosing kernels")
            compiled = torch_tensorrt.dynamo.compile(
                program,
                arg_inputs=list(example),
                timing_cache_path=str(timing.own),
                **build_cache.OPTIONS,
            )
            tell("checking the engine")
            believed = compiled(*example)
        timing.keep()
    except torch.cuda.OutOfMemoryError as error:
        raise InputError(out_of_memory("building with TensorRT", error)) from None
    except OSError as error:
        # torch-tensorrt writes the timing of kernels beside the engines.
        raise build_cache.unwritten(error, where) from None
    except Exception as error:  # noqa: BLE001 - torch.export and TensorRT raise many unrelated types
        # TensorRT's own allocator raises plain RuntimeErrors.
        if "out of memory" in str(error).lower() or "outofmemory" in str(error).lower():
            raise InputError(out_of_memory("building with TensorRT", error)) from None
        raise InputError(f"TensorRT could not build {recipe.name} for {batch} at once: {first_line(error)}") from None
    finally:
        timing.own.unlink(missing_ok=True)
    answer = believed[0] if isinstance(believed, tuple | list) else believed
    check = verify.compare(_numpy(answer), wanted, recipe_joints(recipe, preset.maps), preset.stride)
    if not check.passed("fp16"):
        raise InputError(f"TensorRT's engine for {recipe.name} is not used: its {check.line('fp16')}")
    engine = whole(compiled)
    entry = build_cache.Entry(
        bytes(engine.serialized_engine),
        tuple(engine.input_binding_names),
        tuple(engine.output_binding_names),
        {"beliefs": check.beliefs, "joints": check.joints},
    )
    if build_cache.key(recipe, batch) != key:
        raise InputError(f"{recipe.weights} changed while its TensorRT engine was built; build it again")
    build_cache.store(key, entry, where)
    return entry


class _Timing:
    """How long kernels took, kept from one build to the next.

    torch-tensorrt writes its file in place and believes what it reads, so it gets a copy: what a killed build leaves
    behind is never read.
    """

    def __init__(self, where: Path) -> None:
        gpu = nvidia.find_gpu()
        of = f"{gpu.name if gpu is not None else ''} {probe.tensorrt_version()}"
        self._kept = where / f"timing-{hashlib.sha256(of.encode()).hexdigest()[:12]}.cache"
        self.own = self._kept.with_name(f"{self._kept.name}.{os.getpid()}.part")
        if self._kept.is_file():
            shutil.copyfile(self._kept, self.own)

    def keep(self) -> None:
        if self.own.is_file():
            os.replace(self.own, self._kept)


def recipe_joints(recipe: Recipe, maps: int) -> int:
    """How many maps are decoded in the check: the skeleton's, all of them where the network has fewer."""
    return min(len(recipe.skeleton), maps)


def whole(compiled: nn.Module) -> Any:
    """The one TensorRT module that a fully compiled network consists of.

    Raises:
        InputError: parts of the network were left to torch.
    """
    engines = [module for module in compiled.modules() if hasattr(module, "serialized_engine")]
    if len(engines) != 1:
        raise InputError(f"TensorRT took the network in {len(engines)} parts instead of as a whole; it is not used")
    return engines[0]


def _numpy(tensor: Tensor) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(tensor.float().cpu().numpy(), np.float32)


def run(request: dict[str, Any], out: IO[str]) -> int:
    """Do what a request asks for and tell about it; the process's exit status."""
    recipe, batches, where = recipe_of(request), request["batches"], Path(request["folder"])

    def say(**message: object) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    for number, batch in enumerate(batches):

        def tell(step: str, number: int = number, batch: int = batch) -> None:
            say(step=f"{step}, batch size {batch}", done=number, of=len(batches))

        try:
            tell("loading torch-tensorrt")
            where.mkdir(parents=True, exist_ok=True)
            entry = build(recipe, batch, where, tell)
        except InputError as error:
            say(failed=str(error))
            return 1
        except OSError as error:
            say(failed=f"cannot write into {where}: {error.strerror}")
            return 1
        say(built=batch, done=number + 1, of=len(batches), check=dict(entry.check), bytes=len(entry.plan))
    return 0


def end_with_owner() -> None:
    """End this process with the one that asked for it, however that ends: it holds the other end of our input."""

    def wait() -> None:
        # Not through sys.stdin: its lock, held for ever, has Python abort where this process ends by an error.
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="owner", daemon=True).start()


def main() -> None:
    """The process."""
    end_with_owner()
    # Our lines get the pipe for themselves.
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    status = run(json.loads(sys.argv[1]), pipe)
    pipe.flush()
    sys.stderr.flush()
    # Without taking the libraries down in order: one that crashes there would undo what is done and stored.
    os._exit(status)


if __name__ == "__main__":
    main()
