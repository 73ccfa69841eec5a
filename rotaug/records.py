"""What rotaug writes beside the dataset: labels.csv, histograms before and after, names of all pictures."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskgen.io.files import atomic_write
from maskgen.jobs.manifest import read_manifest
from maskgen.jobs.outcome import Outcome
from maskgen.jobs.output import RECORDS

from .balance import cell_numbers
from .figure import draw_spread
from .plan import CELLS

AXES = ("yaw", "pitch", "roll")
COLUMNS = (
    "id",
    "source_id",
    "theta_deg",
    *(f"{axis}_before" for axis in AXES),
    *AXES,
    "protocol_valid_before",
    "protocol_valid",
    "status",
)
BIN = 5.0
_EDGES = np.arange(-180.0, 180.0 + BIN, BIN)
_BATCH = 4096


class Spread:
    """Histograms of the labels before and after, filled one picture at a time and counted in batches."""

    def __init__(self) -> None:
        self._counts = np.zeros((2, 3, len(_EDGES) - 1), dtype=np.int64)
        self._cells: dict[str, tuple[Counter[int], Counter[int]]] = {
            by: (Counter(), Counter()) for by in CELLS
        }
        self._waiting: tuple[list[Sequence[float]], list[Sequence[float]]] = ([], [])

    def add(self, when: int, angles: Sequence[float]) -> None:
        """Count a label (yaw, pitch, roll); when: 0 before, 1 after."""
        self._waiting[when].append(angles)
        if len(self._waiting[when]) >= _BATCH:
            self._count()

    def _count(self) -> None:
        for when, waiting in enumerate(self._waiting):
            if not waiting:
                continue
            triples = np.array(waiting, dtype=np.float64)
            waiting.clear()
            k = np.clip(np.ceil((triples + 180.0) / BIN).astype(int) - 1, 0, len(_EDGES) - 2)
            for axis in range(3):
                self._counts[when, axis] += np.bincount(k[:, axis], minlength=len(_EDGES) - 1)
            for by, tables in self._cells.items():
                cells, loads = np.unique(cell_numbers(triples, by), return_counts=True)
                tables[when].update(dict(zip(cells.tolist(), loads.tolist(), strict=True)))

    @property
    def counts(self) -> NDArray[np.int64]:
        """Histograms (2, 3, bins): before and after, yaw, pitch and roll."""
        self._count()
        return self._counts

    def numbers(self) -> dict[str, Any]:
        """Plain values for run.json."""
        report: dict[str, Any] = {"bin_deg": BIN, "from_deg": -180.0}
        for when, name in enumerate(("before", "after")):
            report[name] = {
                **{axis: self.counts[when, i].tolist() for i, axis in enumerate(AXES)},
                **{f"{by}_cells": evenness(tables[when].values()) for by, tables in self._cells.items()},
            }
        return report


def evenness(loads: Iterable[int]) -> dict[str, float]:
    """How evenly pictures are spread over cells.

    occupied: cells that hold any; largest: share of the fullest one; effective: exp of the entropy, the
    number of equally full cells that would be as diverse.
    """
    counts = np.array([n for n in loads if n > 0], dtype=np.float64)
    if not len(counts):
        return {"occupied": 0, "largest": 0.0, "effective": 0.0}
    share = counts / counts.sum()
    return {
        "occupied": len(counts),
        "largest": round(float(share.max()), 6),
        "effective": round(float(np.exp(-(share * np.log(share)).sum())), 3),
    }


@dataclass
class Written:
    """What the records of a run hold. left_out: files that were not carried over, counted by their kind."""

    spread: Spread = field(default_factory=Spread)
    left_out: Counter[str] = field(default_factory=Counter)


def write_records(out: Path, twins: Mapping[str, Path]) -> Written:
    """Write labels.csv, spread.png and, for several twins, names.txt under OUT/_maskgen.

    twins: output folder of each twin by its name; the name "" is OUT itself.
    """
    written, seen = Written(), set()
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    names = []
    for twin, outcome in _outcomes(twins):
        if outcome.output is None:
            continue
        name = f"{twin}/{outcome.id}" if twin else outcome.id
        names.append(name)
        draw = outcome.draw or {}
        written.left_out.update(_kind(path, outcome.id) for path in outcome.numbers.get("left_out", ()))
        before, after = draw.get("label_before"), draw.get("label")
        if before is not None and after is not None:
            if outcome.id not in seen:
                seen.add(outcome.id)
                written.spread.add(0, before)
            written.spread.add(1, after)
        writer.writerow(
            [
                name,
                outcome.id,
                _number(draw.get("theta_deg")),
                *map(_number, before or (None,) * 3),
                *map(_number, after or (None,) * 3),
                int(bool(draw.get("protocol_valid_before"))),
                int(bool(draw.get("protocol_valid"))),
                outcome.status,
            ]
        )
    records = out / RECORDS
    atomic_write(records / "labels.csv", table.getvalue().encode())
    atomic_write(records / "spread.png", draw_spread(written.spread.counts, BIN))
    if "" not in twins:
        atomic_write(records / "names.txt", "".join(f"{name}\n" for name in names).encode())
    return written


def _outcomes(twins: Mapping[str, Path]) -> Iterator[tuple[str, Outcome]]:
    for twin, folder in twins.items():
        for outcome in read_manifest(folder):
            yield twin, outcome


def _kind(path: str, sample_id: str) -> str:
    """``hpdb/01/frame_00003_depth.bin`` is a ``depth.bin``."""
    return path.rpartition("/")[2].removeprefix(sample_id.rpartition("/")[2]).lstrip("_.")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
