"""Masks on the pictures of AFLW2000, for the tools that measure them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from maskgen.datasets import get_format
from maskgen.errors import InputError
from maskgen.io.images import decode_image
from maskgen.landmarks import apparent_pose, landmarks_for, parse_sources
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import default_painter
from maskgen.paint.types import Painted

#: a mask for each picture, by the picture's path below the root
Draws = Mapping[Path, MaskDraw]


def images_of(root: Path) -> list[Path]:
    """The pictures of ``root``, below it. Raises DatasetNotFound where there are none."""
    return [Path(entry.image) for entry in get_format("AFLW2000").index(root)]


def draw_for(image: Path, style: str, color: str | None = None) -> MaskDraw:
    """A mask whose seed follows from the picture's name: the same in every run, another on every picture."""
    return MaskDraw(style, color=color, seed=zlib.crc32(image.stem.encode()))


def painted(root: Path, draws: Draws) -> Iterator[tuple[Path, NDArray[np.uint8], Painted | InputError]]:
    """Each picture, as it was and with its mask; or why it takes none."""
    cv2.setNumThreads(1)
    painter, fmt, sources = default_painter(), get_format("AFLW2000"), parse_sources("native")
    entries = {Path(entry.image): entry for entry in fmt.index(root)}
    for image, draw in draws.items():
        sample = fmt.read(root, entries[image])
        original = decode_image((root / image).read_bytes(), image.name).bgr
        try:
            yield (
                image,
                original,
                painter.paint(original, landmarks_for(sample, sources), apparent_pose(sample), draw),
            )
        except InputError as error:
            yield image, original, error


def in_parts(work: Callable[[Draws], dict[Any, Any]], draws: Draws, jobs: int) -> dict[Any, Any]:
    """What ``work`` says of ``draws``, shared out among ``jobs`` processes."""
    parts = [dict(list(draws.items())[at::jobs]) for at in range(jobs)]
    done = Parallel(n_jobs=jobs)(delayed(work)(part) for part in parts)
    return {key: value for part in done for key, value in part.items()}
