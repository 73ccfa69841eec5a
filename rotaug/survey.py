"""A look at a whole dataset before anything is turned: do the settings fit it, and what shall balance it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from .plan import AngleRange, Angles, uniform_angles
from .records import evenness
from .rotate import Turn, label_axis, plane_of

#: so many labels may be broken at the start of a dataset before its fit is left to the pictures themselves
_PATIENCE = 200

#: gives an entry's picture its angles, one for each twin that is not the original
Thetas = Callable[[Entry], Array]


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


def plan_angles(
    fmt: DatasetFormat, root: Path, angles: Angles, turn: Turn, limit: int | None = None, jobs: int = 1
) -> tuple[Thetas, dict[str, Any]]:
    """What gives every entry its angles, and the plan's own numbers for run.json."""
    if angles.span is None:
        return lambda entry: np.array(angles.listed), {}
    span = angles.span

    def drawn(entry: Entry) -> Array:
        return uniform_angles(span, angles.seed, entry.id, angles.per_image)

    if angles.balance is None:
        return drawn, {}
    entries = islice(fmt.index(root), limit)
    labels = [item for item in stream(ReadLabel(fmt, root, turn), entries, jobs=jobs) if item is not None]
    balanced, numbers = balance_labels(labels, span, angles)
    table = dict(zip((item.id for item in labels), balanced.angles, strict=True))
    details = {
        "plan_sha256": digest([list(table), balanced.angles.tolist()]),
        "balance": {"by": angles.balance, "labels": len(labels), **numbers},
    }
    # a label that could not be read fails later, in a line of its own
    return lambda entry: table[entry.id] if entry.id in table else drawn(entry), details


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
