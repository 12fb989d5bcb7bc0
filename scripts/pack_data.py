"""A data set small enough to send to a lent machine, and back to where training reads it fastest.

    python scripts/pack_data.py pack   DATA OUT --skeleton hand [--quality 85] [--part 30]
    python scripts/pack_data.py unpack PACKED DIR

pack: OUT/hand-0.tar.gz, hand-1.tar.gz, ...: the labels of that skeleton's splits and their pictures (of bodies and
hands for --skeleton finder), the training's as WebP (a third of the bytes), the validation's as they are, so that
figures stay comparable; no part larger than --part MB.

unpack: writes DIR as `cpm-live train --data DIR` takes it, the training's pictures uncompressed: nothing is left to
decode, which is a fifth of what an example costs. DIR on a RAM disk (/dev/shm) reads fastest. Needs OpenCV and numpy
only; pack needs cpm-live, too.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from cpm_live.training.dataset import Sample


def pack(data: Path, out: Path, skeleton: str, quality: int, part: float) -> None:
    """Write the parts."""
    # Not above: a machine that only unpacks needs none of ours.
    from cpm_live.core.skeleton import SKELETONS
    from cpm_live.training import dataset

    kinds = ("body", "hand") if skeleton == "finder" else (skeleton,)
    files = [data / f"{kind}_{split}.json" for kind in kinds for split in ("train", "val")]
    if missing := [str(path) for path in files if not path.is_file()]:
        sys.exit(f"no {missing[0]}: DATA is a folder as ../shared/data is")
    # One of each picture, whoever is in it; what is in both splits is not made smaller.
    training, validation = (
        {sample.name: sample for kind in kinds for sample in dataset.load(data, SKELETONS[kind], split)}
        for split in ("train", "val")
    )

    def smaller(sample: Sample) -> bytes:
        return cv2.imencode(".webp", sample.image(), [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()

    def as_it_is(sample: Sample) -> bytes:
        return sample.file.read_bytes() if sample.file is not None else sample.jpeg

    out.mkdir(parents=True, exist_ok=True)
    labels = [(path.name, path.read_bytes()) for path in files]
    with ThreadPoolExecutor() as pool:
        packed = dict(zip(training, pool.map(smaller, training.values()), strict=True))
    packed |= {name: as_it_is(sample) for name, sample in validation.items()}
    number, size = 0, 0.0
    # Pictures get no smaller, labels and what a tar pads them with do.
    tar = tarfile.open(out / f"{skeleton}-0.tar.gz", "w:gz")  # noqa: SIM115 (several, one after the other)
    for name, content in [*labels, *((f"images/{name}", packed[name]) for name in sorted(packed))]:
        if size and size + len(content) > part * 1e6:
            tar.close()
            number, size = number + 1, 0.0
            tar = tarfile.open(out / f"{skeleton}-{number}.tar.gz", "w:gz")  # noqa: SIM115
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
        size += len(content)
    tar.close()
    print(f"{len(packed)} pictures, {sum(map(len, packed.values())) / 1e6:.1f} MB, in {number + 1} parts in {out}")


def unpack(packed: Path, out: Path) -> None:
    """Write the data set."""
    parts = sorted(packed.glob("*-*.tar.gz"))
    if not parts:
        sys.exit(f"no parts in {packed}: give the folder that pack wrote")

    def write(item: tuple[str, bytes]) -> None:
        name, content = item
        path = out / name
        if content[:4] == b"RIFF":
            image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            if image is None:
                sys.exit(f"cannot decode {name}; pack again")
            content = cv2.imencode(".bmp", image)[1].tobytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: the next try must not take half a picture for one.
        temporary = path.with_name(path.name + ".part")
        temporary.write_bytes(content)
        os.replace(temporary, path)

    items = []
    for part in parts:
        with tarfile.open(part) as tar:
            for member in tar:
                if Path(member.name).is_absolute() or ".." in Path(member.name).parts:
                    sys.exit(f"{part}: {member.name!r} would be written outside {out}")
                if (handle := tar.extractfile(member)) is not None:
                    items.append((member.name, handle.read()))
    with ThreadPoolExecutor() as pool:
        list(pool.map(write, items))
    print(f"{sum(name.startswith('images/') for name, _ in items)} pictures in {out}")


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    way = ways.add_parser("pack")
    way.add_argument("data", type=Path)
    way.add_argument("out", type=Path)
    way.add_argument("--skeleton", choices=["body", "hand", "finder"], default="body")
    way.add_argument("--quality", type=int, default=85)
    way.add_argument("--part", type=float, default=30.0, help="megabytes")
    way = ways.add_parser("unpack")
    way.add_argument("packed", type=Path)
    way.add_argument("out", type=Path)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.way == "unpack":
        unpack(given.packed, given.out)
        return
    from cpm_live.core.errors import InputError

    try:
        pack(given.data, given.out, given.skeleton, given.quality, given.part)
    except InputError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
