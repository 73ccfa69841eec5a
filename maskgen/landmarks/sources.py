"""Where landmarks come from, in the order in which the places are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import LandmarkError, UsageError
from ..geometry.landmarks import Landmarks
from ..sample import Sample
from .checks import check
from .native import native_landmarks
from .projected import projected_landmarks
from .sidecar import SideFiles

#: gives the sample's pixels, BGR (h, w, 3) uint8; called only by sources that look at the picture
LoadPixels = Callable[[], NDArray[np.uint8]]


class LandmarkSource(Protocol):
    """Something that may know a sample's landmarks; None where it does not."""

    name: str

    def __call__(self, sample: Sample, pixels: LoadPixels | None = None) -> Landmarks | None:
        """Landmarks of the sample in 0-based pixels; raises LandmarkError where they are damaged."""


class Native:
    """The label files."""

    name = "native"

    def __call__(self, sample: Sample, pixels: LoadPixels | None = None) -> Landmarks | None:
        """See native_landmarks."""
        return native_landmarks(sample)


class Projected:
    """The labelled pose and camera."""

    name = "projected"

    def __call__(self, sample: Sample, pixels: LoadPixels | None = None) -> Landmarks | None:
        """See projected_landmarks."""
        return projected_landmarks(sample)


_KNOWN = "native, projected, files:FOLDER and detect"
DEFAULT: tuple[LandmarkSource, ...] = (Native(), Projected())


def landmarks_for(
    sample: Sample, sources: Iterable[LandmarkSource] = DEFAULT, pixels: LoadPixels | None = None
) -> Landmarks:
    """Checked landmarks from the first source that knows any.

    Raises LandmarkError if none does, or if what the first one says cannot be true (see checks.check): a
    damaged label is reported and never papered over with the next source.
    """
    asked = []
    for source in sources:
        landmarks = source(sample, pixels)
        if landmarks is not None:
            check(landmarks, sample)
            return landmarks
        asked.append(source.name)
    missing = "" if sample.entry.labels else "; its label file is missing"
    raise LandmarkError(
        f"{sample.id}: no landmarks from {', '.join(asked)}{missing}; "
        "add side files (files:FOLDER) or a detector (detect)"
    )


def parse_sources(text: str, weights: Path | None = None) -> tuple[LandmarkSource, ...]:
    """Sources from a list like ``native,files:FOLDER,projected,detect``.

    ``weights`` is the detector's folder of network weights. Raises UsageError for an unknown word, a missing
    folder, a missing library or missing weights, weights that no source uses, and where no source is named.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise UsageError(f"no landmark source is named; known are {_KNOWN}")
    if weights is not None and "detect" not in words:
        raise UsageError(f"weights {weights} are the detector's; name detect among the landmark sources")
    return tuple(_source(word, weights) for word in words)


def _source(word: str, weights: Path | None) -> LandmarkSource:
    if word == "native":
        return Native()
    if word == "projected":
        return Projected()
    if word.startswith("files:"):
        return SideFiles(Path(word.removeprefix("files:")))
    if word == "detect":
        from .detector import FaceAlignmentDetector

        return FaceAlignmentDetector(weights)
    raise UsageError(f"unknown landmark source {word!r}; known are {_KNOWN}")
