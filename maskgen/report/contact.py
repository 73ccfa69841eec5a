"""Contact sheets: many pictures on one, to be looked at."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, MaskgenError, UsageError
from ..io.files import atomic_write
from ..io.images import read_image
from ..jobs.manifest import read_manifest
from ..jobs.outcome import DONE, Outcome
from ..jobs.output import read_run

Pixels = NDArray[np.uint8]

_BACKGROUND, _INK = 32, (225, 225, 225)
_MARGIN, _CAPTION = 4, 16
#: pixels of a sheet: what a viewer still opens
_MOST_PIXELS = 500_000_000
#: how much of the surroundings a crop shows: its side over that of the changed area
_ROOM = 1.9


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet: (h, w, 3) uint8 BGR, and what is written below it."""

    image: Pixels
    caption: str = ""


def contact_sheet(tiles: Iterable[Tile], columns: int = 8, size: tuple[int, int] = (224, 224)) -> Pixels:
    """Tiles in reading order on one picture, (h, w, 3) uint8 BGR.

    size: (width, height) of a tile in pixels; pictures are fitted inside and keep their shape.
    Raises UsageError where there is no tile, or none would fit.
    """
    width, height = size
    if columns < 1 or width < 16 or height < 16:
        raise UsageError(f"a sheet needs at least 1 column and tiles of 16 pixels, got {columns} and {size}")
    cells: list[Pixels] = []
    for tile in tiles:
        if (len(cells) + 1) * width * height > _MOST_PIXELS:
            raise UsageError(
                f"a sheet holds {_MOST_PIXELS // 1_000_000} megapixels at most: take fewer or smaller ones"
            )
        cells.append(_cell(tile, width, height))
    if not cells:
        raise UsageError("there is no picture to put on the sheet")
    blank = np.full_like(cells[0], _BACKGROUND)
    columns = min(columns, len(cells))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    rows[-1] += [blank] * (columns - len(rows[-1]))
    return np.vstack([np.hstack(row) for row in rows])


def check_name(path: Path) -> None:
    """UsageError where ``path`` cannot name a sheet; to be asked before the work of drawing it."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise UsageError(f"{path}: a sheet is a .png or a .jpg file")


def write_sheet(path: Path, sheet: Pixels) -> None:
    """Write a sheet as PNG or JPEG, by the file's name. Raises UsageError for other names and
    for a path that cannot be, ImageError, MaskgenError where the disk takes no more."""
    check_name(path)
    settings = [] if path.suffix.lower() == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 92]
    done, data = cv2.imencode(path.suffix, sheet, settings)
    if not done:
        raise ImageError(f"{path}: the sheet of {sheet.shape[1]} x {sheet.shape[0]} pixels cannot be encoded")
    try:
        atomic_write(path, data.tobytes())
    except OSError as error:
        kind = MaskgenError if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO) else UsageError
        raise kind(f"cannot write {path}: {error.strerror or error}") from error


def masked_tiles(
    out: Path, limit: int = 48, *, statuses: Sequence[str] = DONE, pairs: bool = True
) -> Iterator[Tile]:
    """Pictures of a masked or rotated dataset, spread evenly over its manifest; masked ones cropped.

    out: a complete output of maskgen apply or rotaug. statuses: only outcomes of these. pairs: the source
    beside each. Raises UsageError where ``out`` is no complete output, or sources to be shown are gone.
    """
    run = read_run(out)
    if run is None or run.get("status") != "complete":
        raise UsageError(
            f"{out}: not a complete output of maskgen apply or rotaug (no finished _maskgen/run.json)"
        )
    if run.get("root") is None:
        raise UsageError(
            f"{out} is an output of {run['tool']} and names no source; a sheet shows outputs of maskgen "
            "apply or rotaug (one picture: maskgen inspect)"
        )
    root = Path(run["root"])
    there = root.is_dir()
    if pairs and not there:
        raise UsageError(f"{out}: its source {root} is not there any more; --alone does without it")
    try:
        chosen = list(_spread(out, limit, statuses))
    except ValueError as error:
        raise UsageError(f"{out}: {error}; maskgen validate tells what else is wrong") from error
    for outcome in chosen:
        assert outcome.output is not None
        after = read_image(out / outcome.output).bgr
        # without its source nothing says where the mask is: the whole picture is shown
        before = read_image(root / outcome.source).bgr if there else after
        yield Tile(np.ascontiguousarray(_shown(before, after, pairs)), _caption(outcome))


def _shown(before: Pixels, after: Pixels, pairs: bool) -> Pixels:
    """What differs, of ``after``, or of both side by side; a picture on another canvas whole."""
    x0, y0, x1, y1 = changed_box(before, after)
    if not pairs:
        return after[y0:y1, x0:x1]
    if before.shape != after.shape:
        width = max(1, round(before.shape[1] * after.shape[0] / before.shape[0]))
        scaled = cv2.resize(before, (width, after.shape[0]), interpolation=cv2.INTER_AREA)
        return np.hstack([np.asarray(scaled, np.uint8), after])
    return np.hstack([before[y0:y1, x0:x1], after[y0:y1, x0:x1]])


def _caption(outcome: Outcome) -> str:
    """The picture's name, what was drawn for it, and why it should be looked at."""
    draw = outcome.draw or {}
    drawn = f" {draw['style']}" if "style" in draw else ""
    if "theta_deg" in draw:
        drawn = f" turned {draw['theta_deg']:+.0f}"
    note = f" ({outcome.code})" if outcome.code else ""
    return f"{outcome.id.rsplit('/', 1)[-1]}{drawn}{note}"


def _spread(out: Path, limit: int, statuses: Sequence[str]) -> Iterator[Outcome]:
    def wanted() -> Iterator[Outcome]:
        return (o for o in read_manifest(out) if o.status in statuses and o.output is not None)

    total = sum(1 for _ in wanted())
    chosen = {int(number) for number in np.linspace(0, max(total - 1, 0), min(limit, total))}
    return (outcome for number, outcome in enumerate(wanted()) if number in chosen)


def changed_box(before: Pixels, after: Pixels) -> tuple[int, int, int, int]:
    """The square (x0, y0, x1, y1) around what differs, with room; the whole picture where nothing does.

    Compression changes every pixel a little, so only clear differences count.
    """
    height, width = before.shape[:2]
    if before.shape != after.shape:
        return 0, 0, after.shape[1], after.shape[0]
    different = cv2.absdiff(before, after).max(axis=2) > 24
    # single pixels are codec noise along edges, a mask is not
    different = cv2.erode(different.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    ys, xs = np.nonzero(different)
    if len(ys) == 0:
        return 0, 0, width, height
    side = int(max(int(np.ptp(xs)), int(np.ptp(ys)), 24) * _ROOM)
    # the mask covers the lower half of a face, so the picture of interest lies above its middle
    left = int(xs.min() + xs.max() - side) // 2
    top = int(ys.max() + 0.15 * side) - side
    x0, y0 = max(0, left), max(0, top)
    return x0, y0, min(width, left + side), min(height, max(top + side, y0 + 1))


def _cell(tile: Tile, width: int, height: int) -> Pixels:
    cell = np.full((height + _CAPTION + _MARGIN, width + _MARGIN, 3), _BACKGROUND, np.uint8)
    h, w = tile.image.shape[:2]
    scale = min(width / w, height / h)
    fitted = (max(1, round(w * scale)), max(1, round(h * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(tile.image, fitted, interpolation=how)
    x, y = (width - fitted[0]) // 2, (height - fitted[1]) // 2
    cell[y : y + fitted[1], x : x + fitted[0]] = picture
    text = tile.caption if tile.caption.isascii() else tile.caption.encode("ascii", "replace").decode()
    longest = max(4, int(width / 6.2))
    text = text if len(text) <= longest else "..." + text[3 - longest :]
    place = (2, height + _CAPTION - 4)
    cv2.putText(cell, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, _INK, 1, cv2.LINE_AA)
    return cell
