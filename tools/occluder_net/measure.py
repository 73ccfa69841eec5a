"""What the painter makes of pictures of AFLW2000 in which it is known what lies in front of the face."""

from __future__ import annotations

import sys
import tomllib
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
from joblib import Parallel, delayed

from maskgen.datasets import get_format
from maskgen.errors import LandmarkError, MaskgenError, UsageError
from maskgen.io.images import decode_image
from maskgen.landmarks import apparent_pose, landmarks_for, parse_sources
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import default_painter
from maskgen.paint.types import Painted

#: what was seen by eye in each picture
LABELS = Path(__file__).with_name("aflw2000_labels.toml")
#: what lies clearly in front; then what only touches the rim, and nothing
CLEAR = ("hand", "object", "cloth", "hair")
CLASSES = (*CLEAR, "rim", "bare")
#: what can come of it: kept in front of the mask, painted over with a note or without, no mask at all
KEPT, NOTED, SILENT, NO_MASK = OUTCOMES = ("kept in front", "degraded", "nothing said", "not painted")
_STYLE = "surgical"


def read_labels(path: Path = LABELS) -> dict[int, str]:
    """The class of each picture by its number. Raises UsageError for an unknown class or one named twice."""
    out: dict[int, str] = {}
    for name, numbers in tomllib.loads(path.read_text()).items():
        if name not in CLASSES:
            raise UsageError(f"{path}: {name!r} is no class; expected {', '.join(CLASSES)}")
        for number in numbers:
            if number in out:
                raise UsageError(f"{path}: picture {number} is both {out[number]} and {name}; keep one")
            out[number] = name
    return out


def outcome_of(painted: Painted) -> str:
    """Which of OUTCOMES ``painted`` is."""
    if painted.numbers["occluded_share"] > 0.0:
        return KEPT
    return NOTED if any(note.startswith("occluder") for note in painted.notes) else SILENT


def numbered(root: Path) -> dict[int, Path]:
    """The pictures of ``root`` by number. Raises DatasetNotFound where there are none."""
    images = (Path(entry.image) for entry in get_format("AFLW2000").index(root))
    return {int(image.stem[-5:]): image for image in images}


def outcomes(root: Path, images: Mapping[int, Path], jobs: int = 1) -> dict[int, str]:
    """What comes of a surgical mask on each of ``images``, by number, in ``jobs`` processes."""
    parts = [dict(list(images.items())[at::jobs]) for at in range(jobs)]
    done = Parallel(n_jobs=jobs)(delayed(_painted)(root, part) for part in parts)
    return {number: outcome for part in done for number, outcome in part.items()}


def _painted(root: Path, images: Mapping[int, Path]) -> dict[int, str]:
    cv2.setNumThreads(1)
    painter, fmt, sources = default_painter(), get_format("AFLW2000"), parse_sources("native")
    entries = {Path(entry.image): entry for entry in fmt.index(root)}
    out = {}
    for number, name in images.items():
        sample = fmt.read(root, entries[name])
        image = decode_image((root / name).read_bytes(), name.name).bgr
        draw = MaskDraw(_STYLE, seed=zlib.crc32(name.stem.encode()))
        try:
            painted = painter.paint(image, landmarks_for(sample, sources), apparent_pose(sample), draw)
        except LandmarkError:
            out[number] = NO_MASK
        else:
            out[number] = outcome_of(painted)
    return out


def table(labels: Mapping[int, str], found: Mapping[int, str]) -> str:
    """The figures of ``found`` (of `outcomes`) as two Markdown tables: counts, and shares of each half.

    Every number of ``found`` must be in ``labels``.
    """
    count = Counter((labels[number], outcome) for number, outcome in found.items())
    shown = [outcome for outcome in OUTCOMES if outcome != NO_MASK or any(k[1] == NO_MASK for k in count)]
    lines = [_row("", "pictures", *shown), "|---" * (len(shown) + 2) + "|"]
    for name in CLASSES:
        counts = [count[name, outcome] for outcome in OUTCOMES]
        lines.append(_row(name, sum(counts), *counts[: len(shown)]))
    lines += ["", _row("", "all", "even numbers", "odd numbers"), "|---" * 4 + "|"]
    halves: list[Callable[[int], bool]] = [lambda _: True, lambda n: n % 2 == 0, lambda n: n % 2 == 1]
    columns = [shares({n: o for n, o in found.items() if half(n)}, labels) for half in halves]
    lines += [_row(name, *(column[name] for column in columns)) for name in columns[0]]
    return "\n".join(lines)


def shares(found: Mapping[int, str], labels: Mapping[int, str]) -> dict[str, str]:
    """What part of which pictures is kept or noted: '12.5 % of 8'."""
    clear = [o for n, o in found.items() if labels[n] in CLEAR]
    bare = [o for n, o in found.items() if labels[n] == "bare"]
    noted = [labels[n] != "bare" for n, o in found.items() if o == NOTED]
    return {
        "clear cases kept": _share([o == KEPT for o in clear]),
        "clear cases kept or noted": _share([o in (KEPT, NOTED) for o in clear]),
        "bare faces with a hole": _share([o == KEPT for o in bare]),
        "bare faces noted": _share([o == NOTED for o in bare]),
        "notes that are right": _share(noted),
    }


def _share(of: list[bool]) -> str:
    return f"{100.0 * sum(of) / len(of):.1f} % of {len(of)}" if of else "- of 0"


def _row(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def measure(root: Path, jobs: int) -> int:
    """Print the tables of the pictures of ``root`` that have a label; the exit code."""
    try:
        labels = read_labels()
        images = {number: image for number, image in numbered(root).items() if number in labels}
        if not images:
            raise UsageError(
                f"{root}: none of its pictures has a label; expected AFLW2000-3D, whole or a part"
            )
        found = outcomes(root, images, jobs)
    except MaskgenError as error:
        print(f"occluder_net measure: {error}", file=sys.stderr)
        return 2
    print(table(labels, found))
    if len(images) < len(labels):
        print(f"\n{len(labels) - len(images)} of the {len(labels)} labelled pictures are not in {root}.")
    return 0
