"""Landmarks that the dataset's own label files hold."""

from __future__ import annotations

from ..geometry.landmarks import Landmarks
from ..sample import Sample


def native_landmarks(sample: Sample) -> Landmarks | None:
    """The landmarks read with the sample: AFLW2000 pt3d_68, 300W-LP pts_3d or a photo's pt2d; else None."""
    return sample.landmarks
