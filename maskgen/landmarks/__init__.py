"""68 landmarks for a sample: from its labels, projected from its pose, from side files, or detected."""

from __future__ import annotations

from .checks import AGREEMENT_DEG, agreement_deg, apparent_pose, check, doubts
from .sidecar import SideFiles
from .sources import DEFAULT, LandmarkSource, Native, Projected, landmarks_for, parse_sources

__all__ = [
    "AGREEMENT_DEG",
    "DEFAULT",
    "LandmarkSource",
    "Native",
    "Projected",
    "SideFiles",
    "agreement_deg",
    "apparent_pose",
    "check",
    "doubts",
    "landmarks_for",
    "parse_sources",
]
