"""Other projects' weights as a checkpoint of ours, with the recipe that runs it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path

from cpm_live.core import own_skeleton
from cpm_live.core.errors import InputError
from cpm_live.core.skeleton import SKELETONS
from cpm_live.core.whole_file import whole
from cpm_live.engines.recipe import FOREIGN, Recipe, find
from cpm_live.network import checkpoint
from cpm_live.network.importers import caffe, mmpose
from cpm_live.network.importers.layout import Imported
from cpm_live.network.presets import PRESETS

_PROMISED = re.compile(r"-(?!20\d\d[01]\d[0-3]\d\.)([0-9a-f]{8})(?:_\d{8})?\.pth$")
"""MMPose's names end in the first eight digits of the file's SHA-256, and often the day. A day alone is one's own."""

_LARGEST = 1 << 30
"""Bytes. The largest that are known have 200 MB; training's notes beside them may be twice as large again."""
_NO_NAME = ("Cc", "Cs")
"""Signs that a model's name has none of: controls, and what stands for bytes that are no UTF-8."""

_LIVE = """
# How high the beliefs of these weights are, nobody could measure when they were imported: move the sliders of the
# panel "Following" (Shift+F), and write here what you find.
joint_threshold = 0.3
hollow_threshold = 0.15
follow_threshold = 0.15
find_threshold = 0.3
"""


def import_weights(path: Path, out: Path) -> Recipe:
    """Read other projects' weights, and write ``out`` and the recipe beside it, which is returned.

    Args:
        path: ``.caffemodel`` (the CPM release's, OpenPose's hand) or ``.pth`` (MMPose's CPM).
        out: the ``.safetensors`` to write; the recipe gets the same name with ``.toml``.

    Raises:
        InputError: weights that are not known here or damaged, or a file that is there already.
    """
    recipe = out.with_suffix(".toml")
    if any(unicodedata.category(sign) in _NO_NAME for sign in out.stem):
        raise InputError(f"{str(out)!r} is no name that a model can have; name another with --out")
    for file in (out, recipe):
        if os.path.lexists(file):
            raise InputError(f"{file} is there already; name another with --out")
    imported, digest = _read(path)
    known, preset = imported.known, imported.preset
    zoom = [known.margin, known.margin]
    provenance = {"imported": known.note, "file": path.name, "sha256": digest, "plan": {"augment": {"zoom": zoom}}}
    try:
        checkpoint.save(out, imported.state, checkpoint.Header.of(preset, known.skeleton, provenance))
        with whole(recipe) as temporary:
            temporary.write_text(_recipe(imported, path, out), encoding="utf-8")
        return find(str(recipe))
    except BaseException as error:
        # Weights without their recipe would be in the way of the next try. (Neither was there before.)
        for file in (out, recipe):
            with suppress(OSError):
                file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(f"cannot write {out}: {error.strerror}") from None
        raise


def _read(path: Path) -> tuple[Imported, str]:
    if path.suffix.lower() not in FOREIGN:
        raise InputError(f"{path}: known are {' and '.join(FOREIGN)} (the CPM release's and OpenPose's hand; MMPose's)")
    try:
        size = path.stat().st_size
        if not path.is_file() or size > _LARGEST:
            raise InputError(f"{path} is no file of a CPM's weights: they are files of at most {_LARGEST >> 20} MB")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    promised = _PROMISED.search(path.name)
    if promised and not digest.startswith(promised[1]):
        raise InputError(f"{path} is not what its name says: its SHA-256 begins with {digest[:8]}; download it again")
    try:
        return (mmpose if path.suffix.lower() == ".pth" else caffe).read(path), digest
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _recipe(imported: Imported, path: Path, out: Path) -> str:
    known, preset = imported.known, imported.preset

    def text(value: str) -> str:
        """A JSON text is a TOML text, but for JSON's two halves of a sign beyond 16 bits."""
        return json.dumps(value, ensure_ascii=False)

    lines = [
        f"# Made by cpm-live models import of {json.dumps(path.name)}.",
        "[model]",
        f"name = {text(out.stem)}",
        f"skeleton = {text(known.skeleton.name)}",
        f"preset = {text(preset.name)}",
        f"weights = {text(out.name)}",
        f"description = {text(f'{known.note[:1].upper()}{known.note[1:]}: {preset.stages} stages, {preset.size} px')}",
        "",
        "[live]",
        f"margin = {known.margin}",
        *([f"finder = {text(known.finder)}"] if known.finder else []),
        _LIVE.strip(),
        "",
        # The usual crops of training are smaller than what the network sees afterwards.
        "[train]",
        f"sizes = [[1.0, {PRESETS[preset.name].size}]]",
        "",
        "[train.augment]",
        f"zoom = [{known.margin}, {known.margin}]",
    ]
    if known.skeleton.name not in SKELETONS:
        table = own_skeleton.to_table(known.skeleton)
        lines += ["", "[skeleton]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"
