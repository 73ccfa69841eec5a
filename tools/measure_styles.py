"""Where each style's edges and bands lie on the canonical head, beside the ranges of real worn masks.

    python -m tools.measure_styles [STYLE ...]     a Markdown table, lengths in distances between the pupils

Everything is read off the shell as it is painted: orthographic views of a face of average shape, from the
front, and from the side for what only a profile shows. v runs down from the eye line, u along it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from maskgen.errors import UsageError
from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.rotation import Array
from maskgen.masks.catalogue import Catalogue
from maskgen.masks.spec import MaskSpec
from maskgen.paint.shell import COLUMNS, ROWS, build_shell
from maskgen.paint.straps import STRAP_POINTS

EYE_LINE = float(CANONICAL_FACE[36:48, 1].mean())
IPD_MM = float(CANONICAL_FACE[42:48, 0].mean() - CANONICAL_FACE[36:42, 0].mean())
FOREHEAD_Z, NOSE_TIP_Z, LIPS_Z = 19.0, 0.0, float(CANONICAL_FACE[[51, 57], 2].min())
MIDDLE = COLUMNS // 2

_ONE = float("nan")  # two masks or an estimate by eye: a median without a range
#: measure -> median and 10-90 % range over 33 photographs of worn masks, by kind where they differ
REAL: dict[str, dict[str, tuple[float, float, float]]] = {
    "ridge": {
        "surgical": (0.19, 0.07, 0.26),
        "cloth": (0.15, 0.07, 0.26),
        "respirator": (0.12, 0.07, 0.26),
        "cup": (0.09, 0.07, 0.26),
    },
    "dip": {"surgical": (0.09, 0.02, 0.13), "cloth": (0.16, 0.05, 0.22), "cup": (0.24, _ONE, _ONE)},
    "upper corner": {"surgical": (0.40, 0.30, 0.57)},
    "lowest": {"all": (1.93, 1.74, 2.23)},
    "height": {"all": (1.86, 1.56, 2.04)},
    "half width": {"all": (1.13, 1.00, 1.25)},
    **{
        f"width at {v}": {"all": (width, _ONE, _ONE)}
        for v, width in {0.4: 2.14, 0.7: 2.13, 1.0: 2.10, 1.3: 1.92, 1.5: 1.65, 1.7: 1.18}.items()
    },
    "side edge": {"surgical": (0.78, 0.67, 0.82)},
    "flare": {"surgical": (0.31, 0.06, 0.46)},
    "pinch": {"surgical": (0.05, 0.0, 0.14)},
    "before forehead": {"respirator": (0.46, _ONE, _ONE)},
    "before nose": {"respirator": (0.15, _ONE, _ONE)},
    "before lips": {"respirator": (0.20, _ONE, _ONE)},
    "upper loop, width": {"surgical": (0.04, 0.03, 0.05), "respirator": (0.07, 0.06, 0.09)},
    "upper loop, end": {"surgical": (-0.01, -0.19, 0.16)},
    "upper loop, angle": {"surgical": (35.0, 24.0, 43.0)},
    "lower corner": {"surgical": (1.08, 1.01, 1.37)},
    "lower loop, end": {"surgical": (0.75, 0.57, 1.02)},
    "lower loop, angle": {"surgical": (49.0, 28.0, 60.0)},
}
CUPS = {"n95", "ffp2_valve"}


def real_range(measure: str, spec: MaskSpec) -> tuple[float, float, float] | None:
    """(median, low, high) of real masks of the style's kind, or None where nothing was measured."""
    by_kind = REAL[measure]
    kind = "cup" if spec.name in CUPS else spec.kind
    found = by_kind.get(kind) or (by_kind.get("respirator") if kind == "cup" else None)
    return found or by_kind.get("all")


def v_of(y: float) -> float:
    """Distance below the eye line, in distances between the pupils, of a height y in mm."""
    return (y - EYE_LINE) / IPD_MM


def _width(outline: Array, v: float) -> float:
    """Width at v of the closed outline (n, 2) mm, in distances between the pupils."""
    y = EYE_LINE + v * IPD_MM
    a, b = outline, np.roll(outline, -1, 0)
    cut = (a[:, 1] - y) * (b[:, 1] - y) < 0.0
    t = (y - a[cut, 1]) / (b[cut, 1] - a[cut, 1])
    x = a[cut, 0] + t * (b[cut, 0] - a[cut, 0])
    return float(np.ptp(x)) / IPD_MM if len(x) else 0.0


def _silhouette(grid: Array) -> Array:
    """Outline (n, 2) of the shell (rows, columns, 3) from the front: the widest point of every row."""
    right = grid[np.arange(len(grid)), np.abs(grid[..., 0]).argmax(1)] * [1.0, 1.0, 1.0]
    right = np.abs(right[:, :1]) * [1.0, 0.0] + right[:, 1:2] * [0.0, 1.0]
    low = grid[-1, MIDDLE:, :2]
    right = np.concatenate([grid[0, MIDDLE:, :2], right, low[::-1]])
    return np.concatenate([right, right[::-1] * [-1.0, 1.0]])


def _band(shell_bands: Array, index: int) -> tuple[float, float]:
    """v where a band ends, and its angle to the eye line in three-quarter view (yaw 35), degrees."""
    band = shell_bands[2 * index + 1].mean(0)
    turn = np.radians(35.0)
    x = band[:, 0] * np.cos(turn) + band[:, 2] * np.sin(turn)
    rise = np.degrees(np.arctan2(band[0, 1] - band[-1, 1], abs(x[-1] - x[0])))
    return v_of(float(band[-1, 1])), float(rise)


def measures(spec: MaskSpec) -> dict[str, float]:
    """All measures of REAL that the style has, in distances between the pupils (angles in degrees)."""
    shell = build_shell(spec)
    grid = shell.vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)
    outline = _silhouette(grid)
    top = grid[0, MIDDLE:]
    ridge, lowest = float(top[0, 1]), float(grid[..., 1].max())
    side = grid[:, -1]
    chord = np.linspace(side[0], side[-1], len(side))
    middle = grid[:, MIDDLE]
    lips = -np.interp(CANONICAL_FACE[[51, 57], 1], middle[:, 1], middle[:, 2])
    out = {
        "ridge": v_of(ridge),
        "dip": (float(np.interp(0.5 * IPD_MM, top[:, 0], top[:, 1])) - ridge) / IPD_MM,
        "upper corner": v_of(float(top[-1, 1])),
        "lowest": v_of(lowest),
        "height": (lowest - ridge) / IPD_MM,
        "half width": float(grid[..., 0].max()) / IPD_MM,
        **{f"width at {v}": _width(outline, v) for v in (0.4, 0.7, 1.0, 1.3, 1.5, 1.7)},
        "side edge": float(np.linalg.norm(side[-1] - side[0])) / IPD_MM,
        "flare": float(side[-1, 2] - side[0, 2]) / IPD_MM,
        "pinch": float((chord[:, 2] - side[:, 2]).max()) / IPD_MM,
        "lower corner": v_of(float(side[-1, 1])),
        "before forehead": (FOREHEAD_Z - float(middle[:, 2].min())) / IPD_MM,
        "before nose": (NOSE_TIP_Z - float(middle[:, 2].min())) / IPD_MM,
        "before lips": float(lips.mean() + CANONICAL_FACE[[51, 57], 2].mean()) / IPD_MM,
    }
    bands = shell.vertices[ROWS * COLUMNS :].reshape(-1, 2, STRAP_POINTS, 3)
    for index, where in enumerate(("upper", "lower")[: len(spec.straps)]):
        end, angle = _band(bands, index)
        out[f"{where} loop, end"], out[f"{where} loop, angle"] = end, angle
    if spec.straps:
        out["upper loop, width"] = spec.straps[0].width / IPD_MM
    return out


def _said(median: float, low: float, high: float) -> str:
    return f"{median:g}" if np.isnan(low) else f"{median:g} ({low:g} to {high:g})"


def table(specs: list[MaskSpec], show: Callable[[str], object] = print) -> None:
    """Print one row a measure, one column a style; ! marks what lies outside the range of real masks."""
    found = {spec.name: measures(spec) for spec in specs}
    show("| measure | real | " + " | ".join(found) + " |")
    show("| --- | --- |" + " ---: |" * len(found))
    for measure, by_kind in REAL.items():
        cells = []
        for spec in specs:
            value, limit = found[spec.name].get(measure), real_range(measure, spec)
            off = value is not None and limit is not None and (value < limit[1] or value > limit[2])
            cells.append("" if value is None else f"{value:.2f}" + (" !" if off else ""))
        real = "; ".join(f"{k} {_said(*limits)}" for k, limits in by_kind.items())
        show(f"| {measure} | {real} | " + " | ".join(cells) + " |")


def main() -> None:
    """Print the table of the styles named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    catalogue = Catalogue.load()
    parser.add_argument("style", nargs="*", default=["surgical", "n95", "kn95", "kf94", "cloth"])
    try:
        specs = [catalogue.spec(name) for name in parser.parse_args().style]
    except UsageError as error:
        parser.error(str(error))
    table(specs)


if __name__ == "__main__":
    main()
