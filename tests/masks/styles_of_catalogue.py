"""Every style of the catalogue, and every way it may be worn, for parametrised tests."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.masks.catalogue import Catalogue
from maskgen.paint.plain_head import plain_head

CATALOGUE = Catalogue.load()
STYLES = CATALOGUE.names()
WORN = [(name, wear) for name in STYLES for wear in CATALOGUE.spec(name).wears]


@lru_cache(maxsize=512)
def head(
    yaw: float, pitch: float, roll: float = 0.0, size: int = 224
) -> tuple[NDArray[np.uint8], Landmarks, HeadPose]:
    """A plain head, rendered once for all tests of a process."""
    return plain_head(yaw, pitch, roll, size=size)
