"""A look at a whole dataset before anything is turned: do the settings fit it, and what shall balance it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from maskgen.datasets.base import DatasetFormat
from maskgen.errors import InputError
from maskgen.geometry.rotation import Array, euler_to_matrix
from maskgen.jobs.manifest import digest
from maskgen.jobs.parallel import stream
from maskgen.sample import Entry

from .balance import Balanced, balanced_angles, turned_cells
from .plan import AngleRange, Angles, Drawn, uniform_angles
from .records import evenness
from .rotate import Turn, label_axis, plane_of

#: so many labels may be broken at the start of a dataset before its fit is left to the pictures themselves
_PATIENCE = 200


def check_fit(fmt: DatasetFormat, root: Path, angles: Angles, turn: Turn) -> None:
    """Raise UsageError where pivot or canvas do not fit the dataset, judged by its first readable label."""
    theta = angles.listed[0] if angles.listed else 1.0
    for entry in islice(fmt.index(root), _PATIENCE):
        try:
            sample = fmt.read(root, entry)
            if sample.pose is not None:
                plane_of(sample, theta, turn)
                return
        except (InputError, OSError):
            continue


@dataclass(frozen=True, eq=False)
class Plan:
    """The angles of every picture of a dataset.

    table: what balancing chose, (per_image,) by id. numbers: how evenly, for run.json.
    """

    angles: Angles
    table: Mapping[str, Array] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sha256(self) -> str | None:
        """Hash of a balanced plan, which depends on all labels; None where the options say it all."""
        if self.angles.balance is None:
            return None
        return digest([[name, values.tolist()] for name, values in self.table.items()])

    def drawn(self, number: int) -> Drawn | None:
        """What draws the angles of twin ``number`` for ids that `known` knows none of."""
        span = self.angles.span
        return None if span is None else Drawn(span, self.angles.seed, number, self.angles.per_image)

    def known(self, sample_id: str, number: int) -> float | None:
        """The angle of twin ``number`` where it is settled: listed, or chosen by balancing."""
        if self.angles.listed:
            return self.angles.listed[number]
        # a label that could not be read has no row; it fails later, in a line of its own
        row = self.table.get(sample_id)
        return None if row is None else float(row[number])

    def angle(self, sample_id: str, number: int) -> float:
        """The angle of a sample in twin ``number``, degrees."""
        known, drawn = self.known(sample_id, number), self.drawn(number)
        if known is not None or drawn is None:
            return known or 0.0
        return drawn(sample_id)


def plan_angles(
    fmt: DatasetFormat, root: Path, angles: Angles, turn: Turn, limit: int | None = None, jobs: int = 1
) -> Plan:
    """The plan for a dataset; balancing reads all its labels."""
    if angles.span is None or angles.balance is None:
        return Plan(angles)
    entries = islice(fmt.index(root), limit)
    labels = [item for item in stream(ReadLabel(fmt, root, turn), entries, jobs=jobs) if item is not None]
    balanced, numbers = balance_labels(labels, angles.span, angles)
    table = dict(zip((item.id for item in labels), balanced.angles, strict=True))
    return Plan(angles, table, {"by": angles.balance, "labels": len(labels), **numbers})


def balance_labels(
    labels: Sequence[Label], span: AngleRange, angles: Angles
) -> tuple[Balanced, dict[str, Any]]:
    """Angles (n, per_image) that spread the labels evenly, and how evenly, beside uniform draws."""
    by = angles.balance or "roll"
    rotations = np.array([item.rotation for item in labels]).reshape(-1, 3, 3)
    given = np.array([item.angles for item in labels]).reshape(-1, 3)
    axes = np.array([item.axis for item in labels]).reshape(-1, 3)
    ids = [item.id for item in labels]
    balanced = balanced_angles(
        rotations, given, ids, span, by=by, seed=angles.seed, count=angles.per_image, axes=axes
    )
    drawn = [uniform_angles(span, angles.seed, name, angles.per_image) for name in ids]
    uniform = turned_cells(rotations, given, axes, np.array(drawn).reshape(-1, angles.per_image), by)
    loads = balanced.counts
    numbers = {
        "reachable_cells": len(loads),
        "fullest": int(loads.max(initial=0)),
        "emptiest": int(loads.min()) if len(loads) else 0,
        "balanced": evenness(loads.tolist()),
        "if_uniform": evenness(np.unique(uniform, return_counts=True)[1].tolist()),
    }
    return balanced, numbers


@dataclass(frozen=True, eq=False)
class Label:
    """What balancing needs to know: the label's rotation (3, 3), its angles (3,), the turn's axis (3,)."""

    id: str
    rotation: Array
    angles: tuple[float, float, float]
    axis: Array


@dataclass(frozen=True)
class ReadLabel:
    """Reads the label of an entry; None where there is none that can be read. Picklable."""

    fmt: DatasetFormat
    root: Path
    turn: Turn

    def __call__(self, entry: Entry) -> Label | None:
        """The entry's label."""
        try:
            sample = self.fmt.read(self.root, entry)
        except (InputError, OSError):
            return None
        if sample.pose is None or sample.label_angles is None:
            return None
        rotation = euler_to_matrix(sample.label_angles)
        return Label(entry.id, rotation, sample.label_angles, label_axis(sample, self.turn))
