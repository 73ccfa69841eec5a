"""One row a picture: what loaders, hubs and people ask for first; as metadata.csv and as a Parquet index."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import MissingDependency
from ..jobs.outcome import Outcome
from .audit import Audit
from .splits import Splits


class Row(NamedTuple):
    """A picture. file_name: relative to the folder of metadata.csv. Angles in degrees, as labelled.

    mask: whether it wears one. quality, coverage: as in the manifest (docs/apply.md). Unknown values: None.
    """

    file_name: str
    id: str
    split: str
    group: str
    yaw: float | None
    pitch: float | None
    roll: float | None
    mask: bool
    style: str | None
    color: str | None
    fabric: str | None
    wear: str | None
    quality: float | None
    coverage: float | None
    status: str


#: what the columns hold, for Croissant and the card
COLUMNS: Mapping[str, str] = {
    "file_name": "picture, relative to this table's folder",
    "id": "the picture's id: its path without extension",
    "split": "split, by person, sequence or source photo",
    "group": "person, sequence or source photo",
    "yaw": "label in degrees; positive: the face looks to the left edge of the picture",
    "pitch": "label in degrees; positive: the face looks up",
    "roll": "label in degrees; positive: the head leans clockwise on screen",
    "mask": "whether the face wears a mask",
    "style": "mask style, a template of maskgen or of the maker",
    "color": "colour of the mask, #rrggbb",
    "fabric": "fabric laid over the colour",
    "wear": "how it is worn: correct, under_nose, under_chin, loose",
    "quality": "how well the mask could be fitted, 0 to 1",
    "coverage": "share of the picture that the mask covers",
    "status": "ok, degraded (look at it), skipped (left unmasked) or failed (unmasked copy)",
}


def make_rows(
    outcomes: Iterable[Outcome],
    audit: Audit,
    groups: Mapping[str, str],
    splits: Splits,
    worn: Mapping[str, Mapping[str, Any]],
) -> list[Row]:
    """Rows of all pictures that were written, in sample order. worn: of `wearing`."""
    rows: list[Row] = []
    for o in outcomes:
        if o.output is None:
            continue
        yaw, pitch, roll = audit.found[o.id].angles or (None, None, None)
        draw = worn.get(o.id, {})
        look, numbers = draw.get, o.numbers.get
        rows.append(
            Row(
                o.output, o.id, splits.of[o.id], groups[o.id], yaw, pitch, roll,
                bool(draw), look("style"), look("color"), look("fabric"), look("wear"),
                numbers("quality"), numbers("coverage"), o.status,
            )
        )  # fmt: skip
    return rows


def csv_text(rows: Iterable[Row]) -> str:
    """metadata.csv: the hub's imagefolder reads it beside the pictures. Angles to 4 decimals."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Row._fields)
    # one list a row, in the order of Row; csv writes None as an empty cell
    writer.writerows(
        (
            r.file_name, r.id, r.split, r.group, _degrees(r.yaw), _degrees(r.pitch), _degrees(r.roll),
            "true" if r.mask else "false", r.style, r.color, r.fabric, r.wear, r.quality, r.coverage,
            r.status,
        )
        for r in rows
    )  # fmt: skip
    return stream.getvalue()


def _degrees(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def load_pyarrow() -> Any:
    """The optional pyarrow with its Parquet part. Raises MissingDependency."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependency(
            "a Parquet index needs pyarrow, which is not installed: pip install 'maskgen[parquet]'"
        ) from error
    return pyarrow


def write_parquet(path: Path, rows: list[Row], pixels: Mapping[str, str], files: Mapping[str, str]) -> None:
    """The same rows as a Parquet index, with every picture's SHA-256 and that of its pixels.

    Raises MissingDependency without pyarrow.
    """
    pyarrow = load_pyarrow()
    numbers = ("yaw", "pitch", "roll", "quality", "coverage")
    kinds = {**dict.fromkeys(numbers, pyarrow.float64()), "mask": pyarrow.bool_()}
    columns = {
        name: pyarrow.array([getattr(r, name) for r in rows], kinds.get(name, pyarrow.string()))
        for name in Row._fields
    }
    columns["sha256"] = pyarrow.array([files.get(r.file_name) for r in rows], pyarrow.string())
    columns["pixels_sha256"] = pyarrow.array([pixels.get(r.file_name) for r in rows], pyarrow.string())
    pyarrow.parquet.write_table(pyarrow.table(columns), path, compression="zstd")
