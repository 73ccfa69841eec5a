"""Every mask style, and every fabric, drawn on a face: what there is to choose from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from ..masks.catalogue import Catalogue
from ..masks.spec import MaskDraw
from ..paint.pipeline import Painter
from .contact import Tile

#: a picture (h, w, 3) uint8 BGR, its landmarks in 0-based pixels, and the pose seen in it
Face = tuple[NDArray[np.uint8], Landmarks, HeadPose | None]


def style_tiles(catalogue: Catalogue, faces: Sequence[Face], seed: int = 0) -> Iterator[Tile]:
    """One tile a style, worn on every face, each time in the next of the style's own colours.

    Faces must have one height. Raises UsageError where they have not.
    """
    _check(faces)
    painter = Painter(catalogue)
    for name in catalogue.names():
        spec = catalogue.spec(name)
        colors = [color for color, _ in sorted(spec.material.colors, key=lambda item: -item[1])]
        views = [
            _worn(painter, face, MaskDraw(name, color=colors[number % len(colors)], seed=seed))
            for number, face in enumerate(faces)
        ]
        yield Tile(np.hstack(views), f"{name}: {spec.title}")


def fabric_tiles(catalogue: Catalogue, faces: Sequence[Face], style: str, seed: int = 0) -> Iterator[Tile]:
    """One tile a fabric, laid on ``style``. Raises UsageError where the style takes none."""
    _check(faces)
    if not catalogue.spec(style).material.printable:
        raise UsageError(f"style {style!r} takes no fabric; name another by --styles")
    painter = Painter(catalogue)
    for name in sorted(catalogue.fabrics):
        draw = MaskDraw(style, fabric=name, seed=seed)
        yield Tile(np.hstack([_worn(painter, face, draw) for face in faces]), name)


def _check(faces: Sequence[Face]) -> None:
    if len({image.shape[0] for image, _, _ in faces}) != 1:
        raise UsageError("a sheet of styles needs at least one face, and pictures of one height")


def _worn(painter: Painter, face: Face, draw: MaskDraw) -> NDArray[np.uint8]:
    image, landmarks, pose = face
    return painter.paint(image, landmarks, pose, draw).image
