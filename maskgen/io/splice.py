"""JPEG without a second generation: blocks the mask does not touch keep the source's own coefficients.

Decoding and encoding a JPEG again rounds every block anew, even with the same tables. Here the painted
picture is encoded, and every block of coefficients that no touched pixel reaches is taken from the source
file instead. Needs jpeglib (`pip install maskgen[dct]`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, MissingDependency


def require_jpeglib() -> Any:
    """The library. Raises MissingDependency with the install command."""
    try:
        import jpeglib
    except ImportError as error:
        raise MissingDependency(
            "--jpeg splice needs jpeglib, which is not installed; run: pip install 'maskgen[dct]'"
        ) from error
    return jpeglib


def touched_blocks(
    touched: NDArray[np.bool_], blocks: tuple[int, int], block_px: tuple[int, int]
) -> NDArray[np.bool_]:
    """Which of ``blocks`` (rows, columns), ``block_px`` (height, width) pixels each, hold a touched one."""
    rows, columns = blocks
    padded = np.zeros((rows * block_px[0], columns * block_px[1]), np.bool_)
    h, w = min(touched.shape[0], padded.shape[0]), min(touched.shape[1], padded.shape[1])
    padded[:h, :w] = touched[:h, :w]
    return np.asarray(padded.reshape(rows, block_px[0], columns, block_px[1]).any(axis=(1, 3)))


def splice_jpeg(source: bytes, painted: bytes, touched: NDArray[np.bool_]) -> bytes:
    """The JPEG ``painted`` with all untouched blocks taken from ``source``.

    Both must have the same size, subsampling and tables (as `images.encode_like` writes). touched: (h, w).
    Raises ImageError where they differ, MissingDependency without jpeglib.
    """
    jpeglib = require_jpeglib()
    with tempfile.TemporaryDirectory(prefix="maskgen-") as folder:
        paths = [Path(folder) / name for name in ("source.jpg", "painted.jpg", "spliced.jpg")]
        paths[0].write_bytes(source)
        paths[1].write_bytes(painted)
        old, new = (jpeglib.read_dct(str(p)) for p in paths[:2])
        _check_alike(old, new)
        factors = np.asarray(old.samp_factor)
        tallest, widest = factors.max(axis=0)
        for index, name in enumerate(("Y", "Cb", "Cr")[: old.num_components]):
            mine, theirs = getattr(new, name), getattr(old, name)
            span = int(8 * tallest // factors[index][0]), int(8 * widest // factors[index][1])
            keep = ~touched_blocks(touched, mine.shape[:2], span)
            mine[keep] = theirs[keep]
        new.write_dct(str(paths[2]))
        return paths[2].read_bytes()


def _check_alike(old: Any, new: Any) -> None:
    same = (
        (old.height, old.width, old.num_components) == (new.height, new.width, new.num_components)
        and np.array_equal(old.samp_factor, new.samp_factor)
        and old.Y.shape == new.Y.shape
        and all(
            np.array_equal(old.get_component_qt(i), new.get_component_qt(i))
            for i in range(old.num_components)
        )
    )
    if not same:
        raise ImageError(
            "JPEG splice: the source's size, subsampling or tables cannot be kept; use --jpeg tables"
        )
