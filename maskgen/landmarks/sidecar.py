"""Landmarks from side files named after the sample: .pts, .npy, .txt or .json (docs/formats.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import LandmarkError, UsageError
from ..geometry.landmarks import Landmarks
from ..geometry.rotation import Array
from ..sample import Sample

if TYPE_CHECKING:
    from .sources import LoadPixels

SUFFIXES = (".pts", ".npy", ".txt", ".json")


class SideFiles:
    """A folder with one landmark file per sample: FOLDER/<id>.pts and so on, or named like the picture.

    68 points in iBUG order. ``.pts`` is the 300-W layout and counts pixels from 1; the others count from 0.
    ``.npy`` is 68 x 2 or 68 x 3, ``.txt`` 68 lines of two or three numbers, ``.json`` a list of 68 lists or
    an object with such a list under "landmarks". NaN or null means unknown. A third number is depth in
    pixels, away from the camera.
    """

    name = "files"

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise UsageError(
                f"landmark folder {self.folder} does not exist; name one with <sample id>.pts files"
            )

    def __call__(self, sample: Sample, pixels: LoadPixels | None = None) -> Landmarks | None:
        """The sample's landmarks, None if it has no file. Raises LandmarkError if the file is damaged."""
        for stem in (sample.id, str(sample.entry.image.with_suffix(""))):
            for suffix in SUFFIXES:
                path = self.folder / (stem + suffix)
                if path.is_file():
                    return read_landmarks(path)
        return None


def read_landmarks(path: Path) -> Landmarks:
    """One file of any of the four kinds. Raises LandmarkError with the reason."""
    path = Path(path)
    if path.suffix not in _READERS:
        raise LandmarkError(f"{path.name}: unknown kind of landmark file; known are {', '.join(SUFFIXES)}")
    try:
        points = np.asarray(_READERS[path.suffix](path), dtype=np.float64)
    except (OSError, ValueError, TypeError, KeyError, EOFError) as error:
        raise LandmarkError(f"{path.name}: damaged landmark file ({error})") from error
    if points.shape not in ((68, 2), (68, 3)):
        shape = " x ".join(map(str, points.shape))
        raise LandmarkError(f"{path.name}: holds {shape} numbers, expected 68 x 2 or 68 x 3 in iBUG order")
    return Landmarks.of(points, f"files{path.suffix}")


def format_pts(landmarks: Landmarks) -> str:
    """The text of a .pts file; unknown points are NaN. Depth has no place in it."""
    xy = np.where(landmarks.valid[:, None], landmarks.xy + 1.0, np.nan)
    lines = "".join(f"{x:.6f} {y:.6f}\n" for x, y in xy)
    return f"version: 1\nn_points: {len(xy)}\n{{\n{lines}}}\n"


def _pts(path: Path) -> Array:
    text = path.read_text(encoding="ascii")
    body = text[text.index("{") + 1 : text.index("}")]
    return _table(body) - 1.0


def _txt(path: Path) -> Array:
    return _table(path.read_text(encoding="ascii"))


def _table(text: str) -> Array:
    rows = [line.replace(",", " ").split() for line in text.splitlines() if line.strip()]
    return np.array(rows, dtype=np.float64)


def _npy(path: Path) -> Any:
    return np.load(path, allow_pickle=False)


def _json(path: Path) -> Any:
    data = json.loads(path.read_text(encoding="utf-8"))
    data = data["landmarks"] if isinstance(data, dict) else data
    unknown = [np.nan] * max(len(row) for row in data if row is not None)
    return [unknown if row is None else row for row in data]


_READERS = {".pts": _pts, ".npy": _npy, ".txt": _txt, ".json": _json}
