"""Every style of the catalogue, and every way it may be worn, for parametrised tests."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maskgen.geometry.head import directions_of
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.masks.catalogue import Catalogue
from maskgen.paint.drape import skin_radius
from maskgen.paint.plain_head import plain_head
from maskgen.paint.shell import COLUMNS, ROWS, Shell

CATALOGUE = Catalogue.load()
STYLES = CATALOGUE.names()
WORN = [(name, wear) for name in STYLES for wear in CATALOGUE.spec(name).wears]


def grid(shell: Shell) -> NDArray[np.float64]:
    """Vertices (ROWS, COLUMNS, 3) of the cloth alone, mm."""
    return shell.vertices[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)


def clearance(points: NDArray[np.float64]) -> float:
    """Least distance of a grid's points and cells (rows, columns, 3) from the skin, mm; negative inside."""
    cells = [points, (points[1:, 1:] + points[:-1, :-1]) / 2, (points[1:, :-1] + points[:-1, 1:]) / 2]
    d, r = directions_of(np.concatenate([c.reshape(-1, 3) for c in cells]))
    return float((r - skin_radius(d)).min())


@lru_cache(maxsize=512)
def head(
    yaw: float, pitch: float, roll: float = 0.0, size: int = 224
) -> tuple[NDArray[np.uint8], Landmarks, HeadPose]:
    """A plain head, rendered once for all tests of a process."""
    return plain_head(yaw, pitch, roll, size=size)
