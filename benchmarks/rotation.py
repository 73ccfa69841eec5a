"""rotaug end to end as a multiple of decode + cv2.warpAffine + encode of the same files, in one run.

    python benchmarks/rotation.py DATASET_ROOT [--limit 300] [--rounds 5]

All sides read and write files and use one core; they take turns, and the best of several rounds counts, so
that whatever else the machine does matters little. None of the three that are compared with touches a label.

tables  what a careful script would do without this project: tables and subsampling from Pillow's header,
        pixels from cv2.imdecode (faster than Pillow's), written by Pillow with these tables; PNG by OpenCV
codec   decodes and encodes with maskgen.io.images, as rotaug does: the strictest of the three
plain   cv2.imread and cv2.imwrite with their defaults, which lose the tables
rotaug  the whole run: index, labels read, moved and written, hashes, manifest, labels.csv

The bytes of the pictures that each of them writes are given as multiples of the sources'.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from maskgen.datasets import recognise
from maskgen.geometry.image_plane import INTERPOLATIONS
from maskgen.io.images import decode_image, encode_like
from maskgen.jobs.output import RECORDS
from maskgen.jobs.parallel import single_threaded
from rotaug.plan import AngleRange, Angles, uniform_angles
from rotaug.rotate import Turn
from rotaug.run import RotateOptions, rotate_dataset
from rotaug.work import Planned


def warped(image, theta: float, interpolation: str):
    h, w = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((w - 1) / 2, (h - 1) / 2), theta, 1.0)
    return cv2.warpAffine(image, matrix, (w, h), flags=INTERPOLATIONS[interpolation])


def codec(root: Path, out: Path, entry: Planned, turn: Turn) -> None:
    source = decode_image((root / entry.image).read_bytes())
    turned = warped(source.bgr, entry.theta_deg, turn.interpolation)
    data = encode_like(source, turned, resampled=True)
    (out / entry.id.replace("/", "_")).with_suffix(entry.image.suffix).write_bytes(data)


def tables(root: Path, out: Path, entry: Planned, turn: Turn) -> None:
    data = (root / entry.image).read_bytes()
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    target = (out / entry.id.replace("/", "_")).with_suffix(entry.image.suffix)
    turned = warped(pixels, entry.theta_deg, turn.interpolation)
    header = Image.open(io.BytesIO(data))
    if header.format != "JPEG":
        cv2.imwrite(str(target), turned)
        return
    sampling = JpegImagePlugin.get_sampling(header)
    picture = Image.fromarray(cv2.cvtColor(turned, cv2.COLOR_BGR2RGB))
    picture.save(target, "JPEG", qtables=header.quantization, subsampling=sampling)


def plain(root: Path, out: Path, entry: Planned, turn: Turn) -> None:
    image = cv2.imread(str(root / entry.image))
    cv2.imwrite(
        str((out / entry.id.replace("/", "_")).with_suffix(entry.image.suffix)),
        warped(image, entry.theta_deg, turn.interpolation),
    )


def each(work: Callable[..., None], root: Path, out: Path, entries: list[Planned], turn: Turn) -> None:
    for entry in entries:
        work(root, out, entry, turn)


def size_of(folder: Path, entries: list[Planned]) -> int:
    """Bytes of all pictures anywhere under a folder, the records of a run left out."""
    suffixes = {entry.image.suffix for entry in entries}
    files = (p for p in folder.rglob("*") if p.suffix in suffixes and RECORDS not in p.parts)
    return sum(path.stat().st_size for path in files)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--interpolation", default="cubic")
    given = parser.parse_args()
    fmt = recognise(given.root)
    if fmt is None:
        parser.error(f"no dataset at {given.root}")
    span, turn = AngleRange(-45, 45), Turn(interpolation=given.interpolation)
    entries = [
        Planned(e.id, e.image, e.labels, float(uniform_angles(span, 0, e.id)[0]))
        for e, _ in zip(fmt.index(given.root), range(given.limit), strict=False)
    ]
    others = {"tables": tables, "codec": codec, "plain": plain}
    best, sizes = dict.fromkeys((*others, "rotaug"), float("inf")), {}
    with tempfile.TemporaryDirectory() as folder, single_threaded():
        for number in range(given.rounds):
            # every round writes new files, as a run does
            out = Path(folder, str(number))
            for name, work in others.items():
                (out / name).mkdir(parents=True)
                best[name] = min(
                    best[name], seconds(partial(each, work, given.root, out / name, entries, turn))
                )
            options = RotateOptions(limit=len(entries))
            run = partial(rotate_dataset, fmt, given.root, out / "rotaug", Angles(span), turn, options)
            best["rotaug"] = min(best["rotaug"], seconds(run))
            sizes = {name: size_of(out / name, entries) for name in best}
    source = sum((given.root / entry.image).stat().st_size for entry in entries)
    each_ms = {name: round(1000.0 * value / len(entries), 3) for name, value in best.items()}
    print(
        json.dumps(
            {
                "dataset": fmt.name,
                "interpolation": given.interpolation,
                "pictures": len(entries),
                "ms each": each_ms,
                "size / source": {name: round(size / source, 3) for name, size in sizes.items()},
                **{f"rotaug / {name}": round(best["rotaug"] / best[name], 3) for name in others},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
