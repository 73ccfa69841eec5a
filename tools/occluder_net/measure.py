"""What the painter makes of pictures of AFLW2000 in which it is known what lies in front of the face."""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from maskgen.errors import InputError, MaskgenError, UsageError
from maskgen.paint.types import Painted

from ..aflw2000 import Draws, draw_for, images_of, in_parts, painted

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


def outcome_of(out: Painted) -> str:
    """Which of OUTCOMES ``out`` is."""
    if out.numbers["occluded_share"] > 0.0:
        return KEPT
    return NOTED if any(note.startswith("occluder") for note in out.notes) else SILENT


def numbered(root: Path) -> dict[int, Path]:
    """The pictures of ``root`` by number. Raises DatasetNotFound where there are none."""
    return {int(image.stem[-5:]): image for image in images_of(root)}


def outcomes(root: Path, images: Mapping[int, Path], jobs: int = 1) -> dict[int, str]:
    """What comes of a surgical mask on each of ``images``, by number, in ``jobs`` processes."""
    draws = {image: draw_for(image, _STYLE) for image in images.values()}
    found = in_parts(partial(_outcomes, root), draws, jobs)
    return {number: found[image] for number, image in images.items()}


def _outcomes(root: Path, draws: Draws) -> dict[Path, str]:
    return {
        image: NO_MASK if isinstance(out, InputError) else outcome_of(out)
        for image, _original, out in painted(root, draws)
    }


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
