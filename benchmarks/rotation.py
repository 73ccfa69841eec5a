"""rotaug end to end as a multiple of decode + cv2.warpAffine + encode of the same files, in one run.

    python benchmarks/rotation.py DATASET_ROOT [--limit 300] [--rounds 5]

All sides read and write files and use one core; they take turns, and the best of several rounds counts, so
that whatever else the machine does matters little. `codec` decodes and encodes as maskgen does (JPEG tables
of the source, PNG as the project writes it); `plain` is cv2.imread and cv2.imwrite with their defaults, which
lose the tables. `rotaug` is the whole run: index, labels read, moved and written, hashes, manifest,
labels.csv.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from maskgen.datasets import recognise
from maskgen.geometry.image_plane import INTERPOLATIONS
from maskgen.io.images import decode_image, encode_like
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
    data = encode_like(source, warped(source.bgr, entry.theta_deg, turn.interpolation))
    (out / entry.id.replace("/", "_")).with_suffix(entry.image.suffix).write_bytes(data)


def plain(root: Path, out: Path, entry: Planned, turn: Turn) -> None:
    image = cv2.imread(str(root / entry.image))
    cv2.imwrite(
        str((out / entry.id.replace("/", "_")).with_suffix(entry.image.suffix)),
        warped(image, entry.theta_deg, turn.interpolation),
    )


def each(work: Callable[..., None], root: Path, out: Path, entries: list[Planned], turn: Turn) -> None:
    for entry in entries:
        work(root, out, entry, turn)


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
    best = dict.fromkeys(("codec", "plain", "rotaug"), float("inf"))
    with tempfile.TemporaryDirectory() as folder, single_threaded():
        for number in range(given.rounds):
            # every round writes new files, as a run does
            out = Path(folder, str(number))
            for name in ("codec", "plain"):
                (out / name).mkdir(parents=True)
            options = RotateOptions(limit=len(entries))
            sides = {
                "codec": lambda out=out: each(codec, given.root, out / "codec", entries, turn),
                "plain": lambda out=out: each(plain, given.root, out / "plain", entries, turn),
                "rotaug": lambda out=out, options=options: rotate_dataset(
                    fmt, given.root, out / "rotaug", Angles(span), turn, options
                ),
            }
            for name, work in sides.items():
                best[name] = min(best[name], seconds(work))
    each_ms = {name: round(1000.0 * value / len(entries), 3) for name, value in best.items()}
    print(
        json.dumps(
            {
                "dataset": fmt.name,
                "interpolation": given.interpolation,
                "pictures": len(entries),
                "ms each": each_ms,
                "rotaug / codec": round(best["rotaug"] / best["codec"], 3),
                "rotaug / plain": round(best["rotaug"] / best["plain"], 3),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
