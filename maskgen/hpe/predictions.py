"""Predictions of one model on one set: the table that scoring, pairing and plotting all start from."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UsageError
from ..geometry.rotation import Array, euler_to_matrix, geodesic_deg
from ..io.files import read_given
from . import metrics

REQUIRED = ("id", "yaw", "pitch", "roll")
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".mat", ".bmp")


@dataclass(frozen=True, eq=False)
class Labels:
    """What is true about a set: ids, (n, 3) triples in degrees, and the group (person, photo) of each."""

    ids: tuple[str, ...]
    euler: Array
    groups: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Predictions:
    """ids: n keys, unique. true, predicted: (n, 3) yaw, pitch, roll in degrees; a predicted row of NaN means
    that the model found no face there. rotation: (n, 3, 3) predicted matrices in frame C, if the model has
    them. groups: n keys of the independent units (person, source photo). ignored: rows of an outside file
    that belong to no picture of the set.
    """

    ids: tuple[str, ...]
    true: Array
    predicted: Array
    groups: tuple[str, ...]
    rotation: Array | None = None
    ignored: int = 0

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.true.shape != (n, 3) or self.predicted.shape != (n, 3) or len(self.groups) != n:
            raise ValueError(f"{n} ids, labels {self.true.shape}, predictions {self.predicted.shape}")
        if len(set(self.ids)) != n:
            raise ValueError("ids of predictions must be unique; remove the doubles first")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def detected(self) -> np.ndarray:
        """(n,) bool: where the model gave an answer."""
        return np.asarray(np.isfinite(self.predicted).all(axis=1))

    def matrices(self) -> Array:
        """(n, 3, 3) predicted rotations: the model's own, else those of the triples; NaN where it failed."""
        if self.rotation is not None:
            return self.rotation
        return euler_to_matrix(self.predicted)

    def errors(self, metric: str = "wrapped") -> Array:
        """(n, 3) absolute angle errors, NaN rows where nothing was detected."""
        out = np.full((len(self), 3), np.nan)
        found = self.detected
        out[found] = metrics.angle_errors(self.predicted[found], self.true[found], metric)
        return out

    def geodesic(self) -> Array:
        """(n,) geodesic errors in degrees, NaN where nothing was detected."""
        out = np.full(len(self), np.nan)
        found = self.detected
        out[found] = geodesic_deg(self.matrices()[found], euler_to_matrix(self.true[found]))
        return out

    def take(self, rows: ArrayLike) -> Predictions:
        """The given rows, in the given order."""
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Predictions(
            tuple(self.ids[i] for i in rows),
            self.true[rows],
            self.predicted[rows],
            tuple(self.groups[i] for i in rows),
            None if self.rotation is None else self.rotation[rows],
        )

    def score(self, metric: str = "wrapped") -> dict[str, Any]:
        """`metrics.score` of the detected heads, the detection rate, the MAE with failures as (0, 0, 0)."""
        found = self.detected
        detected = self.take(found)
        out: dict[str, Any] = {"n_images": len(self), "n_failed": int((~found).sum())}
        out["detection_rate"] = float(found.mean()) if len(self) else float("nan")
        if len(detected):
            rotation = None if detected.rotation is None else detected.rotation
            out.update(metrics.score(detected.predicted, detected.true, rotation, metric))
            out["collapsed"] = list(metrics.collapsed_angles(detected.predicted, detected.true))
        filled = np.where(found[:, None], self.predicted, 0.0)
        out["mae_zero_filled"] = metrics.mae_by_angle(metrics.angle_errors(filled, self.true, metric))
        return out

    def write_csv(self, path: Path) -> None:
        """One row a picture: id, prediction, label, geodesic error, group; empty cells where undetected."""
        buffer = io.StringIO()
        out = csv.writer(buffer, lineterminator="\n")
        out.writerow([*REQUIRED, "true_yaw", "true_pitch", "true_roll", "geodesic", "group"])
        for i, (geodesic, found) in enumerate(zip(self.geodesic(), self.detected, strict=True)):
            predicted = [f"{a:.5f}" for a in self.predicted[i]] if found else ["", "", ""]
            error = f"{geodesic:.5f}" if found else ""
            true = [f"{a:.5f}" for a in self.true[i]]
            out.writerow([self.ids[i], *predicted, *true, error, self.groups[i]])
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text(buffer.getvalue(), encoding="utf-8")
        os.replace(temporary, path)


def joined(shares: Sequence[Predictions]) -> Predictions:
    """Several tables as one; of a picture that is in more than one the first row counts."""
    ids = [i for s in shares for i in s.ids]
    first = np.unique(np.asarray(ids), return_index=True)[1]
    first.sort()
    groups = [g for s in shares for g in s.groups]
    return Predictions(
        tuple(ids[i] for i in first),
        np.concatenate([s.true for s in shares])[first],
        np.concatenate([s.predicted for s in shares])[first],
        tuple(groups[i] for i in first),
        np.concatenate([s.matrices() for s in shares])[first],
    )


def read_csv(path: Path, labels: Labels | None = None) -> Predictions:
    """Predictions of any model from a CSV with the columns id, yaw, pitch, roll (degrees).

    With ``labels`` the truth comes from the dataset, a picture without a row counts as undetected, and rows
    of other pictures are counted in `ignored`. Without, the file must carry true_yaw, true_pitch and
    true_roll itself. An image name (``image00002.jpg``) is accepted for an id.
    Raises UsageError for a missing file or column, a cell that is no number, a double id, or no match at all.
    """
    rows, own_truth = _read_rows(path)
    if labels is None:
        if own_truth is None:
            raise UsageError(
                f"{path} has no columns true_yaw, true_pitch, true_roll; name the dataset as well"
            )
        ids = tuple(rows)
        truth = np.array([own_truth[i][:3] for i in ids], dtype=np.float64).reshape(-1, 3)
        groups = tuple(str(own_truth[i][3]) or i for i in ids)
        return Predictions(ids, truth, np.array([rows[i] for i in ids]).reshape(-1, 3), groups)
    matched = _match(rows, labels.ids)
    if not matched:
        example_csv, example_set = next(iter(rows)), next(iter(labels.ids), "(none)")
        raise UsageError(
            f"no id of {path} is a picture of the dataset: it has ids like {example_csv!r}, "
            f"the dataset has {example_set!r}"
        )
    nothing = (np.nan, np.nan, np.nan)
    predicted = np.array([matched.get(i, nothing) for i in labels.ids], dtype=np.float64).reshape(-1, 3)
    return Predictions(
        labels.ids, labels.euler, predicted, labels.groups, ignored=max(0, len(rows) - len(matched))
    )


def _read_rows(path: Path) -> tuple[dict[str, tuple[float, ...]], dict[str, tuple[Any, ...]] | None]:
    try:
        text = read_given(path, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read predictions {path}: {error}") from error
    reader = csv.DictReader(io.StringIO(text))
    try:
        columns = [c.strip() for c in reader.fieldnames or []]
        table = list(reader)
    except csv.Error as error:
        raise UsageError(f"{path} is no CSV table: {error}") from error
    missing = [c for c in REQUIRED if c not in columns]
    if missing:
        raise UsageError(
            f"{path} lacks the column(s) {', '.join(missing)}; needed are {', '.join(REQUIRED)}, "
            f"found {', '.join(columns) or 'nothing'}"
        )
    if doubled := [c for c in REQUIRED if columns.count(c) > 1]:
        raise UsageError(f"{path} has the column {doubled[0]} twice")
    if not table:
        raise UsageError(f"{path} has its columns, but no row of predictions")
    rows: dict[str, tuple[float, ...]] = {}
    has_truth = {"true_yaw", "true_pitch", "true_roll"} <= set(columns)
    truth: dict[str, tuple[Any, ...]] | None = {} if has_truth else None
    for line, cells in enumerate(table, start=2):
        if None in cells:
            # 1,5 for 1.5 would be read as two cells
            raise UsageError(f"{path} line {line} has more cells than the {len(columns)} columns")
        row = {c.strip(): v for c, v in cells.items()}
        key = (row["id"] or "").strip()
        if not key or key in rows:
            raise UsageError(f"{path} line {line}: the id {key!r} is {'given twice' if key else 'empty'}")
        rows[key] = tuple(_number(row, name, path, line) for name in ("yaw", "pitch", "roll"))
        if truth is not None:
            values = [_number(row, f"true_{name}", path, line) for name in ("yaw", "pitch", "roll")]
            truth[key] = (*values, row.get("group") or "")
    return rows, truth


def _number(row: Mapping[str, Any], column: str, path: Path, line: int) -> float:
    if row[column] is None:
        raise UsageError(f"{path} line {line} ends before its {column}; a missed face has empty cells")
    cell = row[column].strip()
    optional = not column.startswith("true_")
    # empty cells, and the "nan" that programs write for them, are a missed face
    if optional and cell.lower() in ("", "nan"):
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise UsageError(f"{path} line {line}: {column} is {cell!r}, not a number in degrees")
    return value


def _match(rows: Mapping[str, tuple[float, ...]], ids: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Rows by dataset id; an id may be written with its image suffix."""
    wanted = set(ids)
    out = {}
    for key, value in rows.items():
        name = key.replace("\\", "/")
        for suffix in _IMAGE_SUFFIXES:
            if name.lower().endswith(suffix) and name not in wanted:
                name = name[: -len(suffix)]
                break
        if name in wanted:
            out[name] = value
    return out


def looks_like_radians(predictions: Predictions) -> bool:
    """Whether answers never leave +-3.2 although the labels spread widely: a file in radians."""
    found = predictions.detected
    if not found.any():
        return False
    return bool(np.abs(predictions.predicted[found]).max() < 3.2 and predictions.true[found].std() > 10.0)
