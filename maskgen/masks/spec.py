"""MaskSpec: a style as read from its mask.toml. MaskDraw: the plain values drawn for one picture.

Lengths are millimetres, points are (x, y, z) of the canonical head frame (geometry/face.py: nose tip at the
origin, x to the image right of a frontal face, y down, z away from the camera), right half only: every style
is symmetric. Points of an outline are laid onto the head along their ray, so they need not be exact in depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

WEARS = ("correct", "under_nose", "under_chin", "loose")
#: how colours of masks are written
HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Outline:
    """Where the edges lie on the face.

    top, bottom: points from the midline to the upper and lower outer corner, at least 3 each.
    pinch: how far the middle of the side edge is drawn inward, mm.
    """

    top: tuple[Point, ...]
    bottom: tuple[Point, ...]
    pinch: float = 0.0


@dataclass(frozen=True)
class Bump:
    """A round part that stands out of the mask: a valve, a filter cartridge.

    at: (u, v) of its middle, u 0 midline .. 1 side edge, v 0 top .. 1 bottom. radius, mm. height it
    stands out, mm. wall: how wide its side is seen from the front, mm.
    """

    at: tuple[float, float]
    radius: float
    height: float
    wall: float = 5.0


@dataclass(frozen=True)
class Drape:
    """How the fabric stands off the face.

    tent: 0 follows the face (knit), 1 is stretched straight from nose to cheek and chin (a shell).
    standoff: least distance from the skin away from the rim, mm. rim: gap at the top, side and bottom edge,
    mm. chin_gap: further gap of the bottom edge under the chin, mm. stiffness: how wide dents are smoothed,
    mm. reach: how far from its edge a mask takes to come to its full height, mm. dome: extra height in the
    middle (cups), mm, with its centre and half width along the height, 0 (top) .. 1 (bottom). profile: extra
    height down the midline as points (v, mm), straight between them (folded respirators); it falls to 0 at
    the side edge as 1 - u ** `spread`. ridge: height of a fold down the middle, mm, and ridge_width, the
    share of the half width over which it sinks to a third. cheeks: extra height on both sides of the mouth,
    mm: it turns the roof that a cloth stretched from the nose would be into a vault. flare: how far the lower
    corner stands off, mm. slack: how far, at most, lower corners and hem stand off more or less from mask to
    mask, mm. skirt: length of cloth that hangs down the neck from the bottom edge, mm;
    skirt_taper: 0 a tube, 1 a triangle that is longest in the middle. bumps: round parts; one with u > 0 has
    a twin on the other side.
    """

    tent: float = 0.8
    standoff: float = 3.0
    rim: tuple[float, float, float] = (1.0, 2.5, 2.5)
    chin_gap: float = 0.0
    stiffness: float = 6.0
    reach: float = 14.0
    dome: float = 0.0
    dome_centre: float = 0.45
    dome_width: float = 0.5
    profile: tuple[tuple[float, float], ...] = ()
    spread: float = 2.0
    ridge: float = 0.0
    ridge_width: float = 0.05
    cheeks: float = 0.0
    flare: float = 0.0
    slack: float = 0.0
    skirt: float = 0.0
    skirt_taper: float = 0.0
    bumps: tuple[Bump, ...] = ()


@dataclass(frozen=True)
class Strap:
    """A band from the mask's edge to the ear or behind the head; mirrored for the other side.

    path: points on the head, from the mask outward; they are laid onto it, `lift` mm above. start: (u, v)
    on the shell where the band begins (u 0 midline .. 1 side edge, v 0 top .. 1 bottom). width at the mask,
    mm; end_width at the far end (the same if not given). sag: how far a slack band hangs below the straight
    line to its first point, mm.
    """

    start: tuple[float, float]
    path: tuple[Point, ...]
    width: float = 3.0
    lift: float = 1.5
    color: str | None = None
    end_width: float | None = None
    sag: float = 0.0


@dataclass(frozen=True)
class Material:
    """What the fabric looks like.

    colors: (albedo "#rrggbb", weight) to draw from. sheen: strength of the soft highlight, 0..1.
    relief: millimetres that a full step of height.png means. hem: width of the sewn or welded edge, mm, 0
    none (maps may draw their own). lining: albedo of the inner layer that lining.png folds over the edges
    (dark cloth is lined with its own colour). crease: strength of random creases, 1 cloth, 0 a moulded shell.
    wander: how far folds lie elsewhere on another mask of the style, as a share of its height. printable:
    whether fabrics may be laid on. unprinted: share of masks that wear none of the style's prints.
    """

    colors: tuple[tuple[str, float], ...]
    sheen: float = 0.05
    relief: float = 1.5
    hem: float = 0.0
    lining: str = "#f2f4f5"
    crease: float = 1.0
    wander: float = 0.0
    printable: bool = True
    unprinted: float = 0.3


@dataclass(frozen=True)
class MaskSpec:
    """A style. name is its folder's; kind is "surgical", "respirator", "cloth" or "other"."""

    name: str
    title: str
    kind: str
    outline: Outline
    drape: Drape
    material: Material
    straps: tuple[Strap, ...] = ()
    weight: float = 1.0
    wears: tuple[str, ...] = WEARS
    description: str = ""


@dataclass(frozen=True)
class MaskDraw:
    """Everything random about one painted mask, as plain values that can be written and read back.

    style: a name of the catalogue. color: "#rrggbb" albedo tint, or None for the style's own.
    fabric: name of a procedural fabric or None for plain; fabric_weight 0..1 its strength.
    wear: one of WEARS. skew_deg: roll of the mask on the face. seed: 0 .. 2**63-1, for what is drawn
    inside the painter (crease pattern, grain).
    """

    style: str
    color: str | None = None
    fabric: str | None = None
    fabric_weight: float = 1.0
    wear: str = "correct"
    skew_deg: float = 0.0
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain dictionary, in field order."""
        return dict(vars(self))
