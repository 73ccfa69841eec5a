"""MaskDraw: the plain values drawn for one picture. MaskSpec (the style itself) is loaded by catalogue.py."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

WEARS = ("correct", "under_nose", "under_chin", "loose")


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
        return asdict(self)
