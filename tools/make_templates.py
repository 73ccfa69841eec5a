"""Draw every map and fabric of the catalogue: python -m tools.make_templates [--check] [NAME ...]

All artwork of mask_templates comes from here; nothing is drawn by hand or taken from elsewhere. The drawings
are functions of the styles' mask.toml and of fixed seeds, so running this twice writes the same bytes. With
--check nothing is written: the exit status tells whether what lies in mask_templates is what would be drawn.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from maskgen.masks.catalogue import Catalogue
from tools.templates import cloth, fabrics, respirators, surgical
from tools.templates.canvas import Canvas

TEMPLATES = Path(__file__).parents[1] / "mask_templates"

DRAWINGS: dict[str, Callable[[Canvas], None]] = {
    "surgical": surgical.draw_loops,
    "surgical_tied": surgical.draw_tied,
    "cloth_pleated": surgical.draw_pleated_cloth,
    "n95": respirators.draw_cup,
    "ffp2_valve": respirators.draw_valve,
    "kn95": respirators.draw_fold,
    "kf94": respirators.draw_boat,
    "half_mask": respirators.draw_half_mask,
    "cloth": cloth.draw_fitted,
    "sponge": cloth.draw_sponge,
    "window": cloth.draw_window,
    "gaiter": cloth.draw_gaiter,
    "bandana": cloth.draw_bandana,
}


def drawn(name: str, catalogue: Catalogue) -> Canvas:
    """The canvas of style ``name`` with its artwork on it."""
    canvas = Canvas(catalogue.spec(name))
    DRAWINGS[name](canvas)
    return canvas


def same_maps(name: str, catalogue: Catalogue, tolerance: float = 0.008) -> bool:
    """Whether the maps in the folder are those that would be drawn, up to ``tolerance`` of full scale."""
    fresh, kept = drawn(name, catalogue).maps(), catalogue.style(name).maps
    if set(fresh) != set(kept):
        return False
    return all(
        a.shape == kept[k].shape
        and float(np.abs(a.astype(float) - kept[k].astype(float)).max()) <= tolerance * np.iinfo(a.dtype).max
        for k, a in fresh.items()
    )


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="styles or fabrics to draw (default: all)")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    args = parser.parse_args(argv)
    catalogue = Catalogue.load()
    wrong = []
    for name in DRAWINGS:
        if args.names and name not in args.names:
            continue
        if not args.check:
            drawn(name, catalogue).save(TEMPLATES / name)
        elif not same_maps(name, catalogue):
            wrong.append(name)
    folder = TEMPLATES / "_textures"
    for name in fabrics.FABRICS:
        if args.names and name not in args.names:
            continue
        png = fabrics.png(name)
        file = folder / f"{name}.png"
        if not args.check:
            folder.mkdir(exist_ok=True)
            file.write_bytes(png)
        elif not file.is_file() or not _same_tile(png, file.read_bytes()):
            wrong.append(name)
    if not args.check and not args.names:
        (folder / "fabrics.toml").write_text(fabrics.listing(), encoding="utf-8")
    if wrong:
        print("differ from what is drawn:", ", ".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


def _same_tile(a: bytes, b: bytes) -> bool:
    x, y = (cv2.imdecode(np.frombuffer(k, np.uint8), cv2.IMREAD_UNCHANGED) for k in (a, b))
    return x is not None and y is not None and x.shape == y.shape and int(cv2.absdiff(x, y).max()) <= 2


if __name__ == "__main__":
    sys.exit(main())
