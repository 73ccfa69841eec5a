"""How right painted masks are, by a judge that knows nothing of maskgen: the table of docs/painting.md.

    python -m tools.measure_masks --judge mask_quality.py --root AFLW2000 surgical:mixed n95 cloth:#1c1c1e

The judge is a Python file with `measure(original, painted, landmarks, mask, touched=...)`, `passes(key,
value, turned)` and `load_landmarks(folder, stem)`, such as the one that measured real worn masks. A style may
be followed by a colour; by `mixed`, its first three take turns. --save writes a JSON file for each mask, with
the figures of every picture.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from maskgen.errors import InputError
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import default_painter
from maskgen.paint.types import MASK, STRAP

from .aflw2000 import Draws, draw_for, images_of, in_parts, painted

GEOMETRY = ("cover", "eyes", "spill", "over", "area", "parts")
#: the light counts as coming from a side where the covered face gets that many stops darker over its width
_ONE_SIDED = 0.5
#: colours that take turns in a mask that is `mixed`
_COLORS = 3


def load_judge(path: Path) -> Any:
    """The judge's module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(judge_file: Path, root: Path, draws: Draws) -> dict[str, dict[str, Any]]:
    """The judge's figures by picture; without any, the reason: {"error": ...}."""
    judge = load_judge(judge_file)
    rows: dict[str, dict[str, Any]] = {}
    for image, original, out in painted(root, draws):
        if isinstance(out, InputError):
            rows[image.stem] = {"error": str(out)}
            continue
        mask, touched = out.segmentation == MASK, out.touched | (out.segmentation == STRAP)
        points = judge.load_landmarks(root, image.stem)
        rows[image.stem] = judge.measure(original, out.image, points, mask, touched=touched) | {
            "occluded": out.numbers["occluded_share"],
            "notes": list(out.notes),
        }
    return rows


def draws_of(root: Path, every: int, mask: str) -> dict[Path, MaskDraw]:
    """The mask STYLE[:COLOR] on every so many pictures of the dataset."""
    style, _, color = mask.partition(":")
    colors = [color or None]
    if color == "mixed":
        spec = default_painter().catalogue.spec(style)
        colors = [c for c, _weight in spec.material.colors[:_COLORS]]
    images = images_of(root)[::every]
    return {image: draw_for(image, style, colors[n % len(colors)]) for n, image in enumerate(images)}


def summary(judge: Any, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Shares of pictures within the judge's limits, and what is related over all pictures."""
    fine = {name: row for name, row in rows.items() if "error" not in row}

    def right(row: dict[str, Any], keys: tuple[str, ...]) -> bool:
        return all(judge.passes(k, row[k], row["turned"]) for k in keys if k in row)

    def share(key: str) -> float:
        with_it = [row for row in fine.values() if key in row]
        return sum(right(row, (key,)) for row in with_it) / max(1, len(with_it) + len(rows) - len(fine))

    light = np.array([(row["lr_face"], row["lr"]) for row in fine.values() if "lr" in row])
    level = np.array([row["stops"][::-1] for row in fine.values() if "stops" in row])
    sided = light[np.abs(light[:, 0]) > _ONE_SIDED]
    free = [row for row in fine.values() if not row["occluded"]]
    return {
        "geometry right": sum(right(row, GEOMETRY) for row in fine.values()) / len(rows),
        "... with nothing kept in front": sum(right(row, GEOMETRY) for row in free) / max(1, len(free)),
        **{key: share(key) for key in ("edge", "fringe", "noise", "chroma", "contact", "fall")},
        "fall, median": float(np.median([row["fall"] for row in fine.values() if "fall" in row])),
        "light r": float(np.corrcoef(light.T)[0, 1]),
        "light slope": float(np.polyfit(*light.T, 1)[0]),
        "light sign": float((sided.prod(1) > 0).mean()),
        "level slope": float(np.polyfit(*level.T, 1)[0]),
        "not right": [name for name, row in rows.items() if "error" in row or not right(row, GEOMETRY)],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("masks", nargs="+", metavar="STYLE[:COLOR]")
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True, help="a folder of AFLW2000")
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save", type=Path)
    given = parser.parse_args()
    judge, columns = load_judge(given.judge), {}
    for mask in given.masks:
        work = partial(measured, given.judge, given.root)
        rows = in_parts(work, draws_of(given.root, given.every, mask), given.jobs)
        columns[mask] = summary(judge, rows)
        if given.save:
            given.save.mkdir(parents=True, exist_ok=True)
            (given.save / f"{mask.replace(':', '_')}.json").write_text(json.dumps(rows, indent=1))
    print(
        "| | " + " | ".join(columns) + " |\n|---" * (len(columns) > 0) + "|---" * (len(columns) - 1) + "|---|"
    )
    for key in next(iter(columns.values())):
        if key != "not right":
            print(f"| {key} | " + " | ".join(f"{column[key]:.3f}" for column in columns.values()) + " |")
    for mask, column in columns.items():
        print(f"\ngeometry, {mask}: {' '.join(column['not right'])}")


if __name__ == "__main__":
    main()
