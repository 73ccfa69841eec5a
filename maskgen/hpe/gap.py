"""The masked gap: how much worse a network is on the masked twin of a picture than on the picture itself.

Mask synthesis needs a face it can find, so a masked set is usually an easier subset of the full one, and the
difference of the two sets' errors (unpaired, as published so far) can even be negative. Joining the sets by
sample id compares the same faces. Both numbers are given, side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from ..geometry.rotation import Array, euler_to_matrix, geodesic_deg
from . import metrics
from .bootstrap import Interval, mean_intervals
from .predictions import Predictions

#: columns of the paired differences
COLUMNS = (*metrics.ANGLES, "mean", "geodesic")
#: labels of twins may differ by this much (float32 radians, printed digits) and still be the same label
LABEL_TOLERANCE_DEG = 0.02


@dataclass(frozen=True, eq=False)
class Pairs:
    """Errors on the same n pictures, clean and masked: (n, 5) in the order of COLUMNS, and the labels."""

    ids: tuple[str, ...]
    clean: Array
    masked: Array
    true: Array
    groups: tuple[str, ...]
    unpaired: dict[str, float]
    counts: dict[str, int]

    @property
    def difference(self) -> Array:
        """(n, 5) masked minus clean."""
        return self.masked - self.clean


def pair(clean: Predictions, masked: Predictions, metric: str = "wrapped") -> Pairs:
    """Join two sets of predictions of one model by sample id; heads missed in either are counted, not used.

    Raises UsageError if no picture is in both, or if the twins' labels disagree.
    """
    row = {key: i for i, key in enumerate(clean.ids)}
    common = [(row[key], j) for j, key in enumerate(masked.ids) if key in row]
    if not common:
        raise UsageError(
            f"the clean and masked sets share no picture: ids like {next(iter(clean.ids), None)!r} and "
            f"{next(iter(masked.ids), None)!r}; a masked twin keeps the ids of its source"
        )
    a, b = clean.take([i for i, _ in common]), masked.take([j for _, j in common])
    apart = geodesic_deg(euler_to_matrix(a.true), euler_to_matrix(b.true))
    if apart.max() > LABEL_TOLERANCE_DEG:
        worst = int(apart.argmax())
        raise UsageError(
            f"{a.ids[worst]} has labels {apart[worst]:.2f} degrees apart in the clean and the masked set; "
            "a masked twin keeps its source's label"
        )
    both = a.detected & b.detected
    counts = {
        "n_clean": len(clean),
        "n_masked": len(masked),
        "n_common": len(common),
        "n_pairs": int(both.sum()),
        "failed_clean": int((~a.detected).sum()),
        "failed_masked": int((~b.detected).sum()),
    }
    if not both.any():
        raise UsageError("no picture has a prediction both clean and masked; nothing can be compared")
    unpaired = np.nanmean(_columns(masked, metric), axis=0) - np.nanmean(_columns(clean, metric), axis=0)
    a, b = a.take(both), b.take(both)
    return Pairs(a.ids, _columns(a, metric), _columns(b, metric), a.true, a.groups, named(unpaired), counts)


def gap_report(runs: Sequence[Pairs], *, resamples: int = 10_000, seed: int = 0) -> dict[str, Any]:
    """The gap of one model trained with one or more seeds, ready for JSON.

    All runs must hold the same pictures. Intervals are 95 % bootstrap, groups drawn together, crossed with
    the seeds where there are several.
    """
    _check_same(runs)
    first = runs[0]
    difference = np.stack([r.difference for r in runs])
    options = {"resamples": resamples, "seed": seed}
    paired = mean_intervals(difference, first.groups, **options)
    unpaired = {name: float(np.mean([r.unpaired[name] for r in runs])) for name in COLUMNS}
    return {
        **first.counts,
        "seeds": len(runs),
        "groups": paired[0].groups,
        "clean_mae": named(np.mean([r.clean for r in runs], axis=(0, 1))),
        "masked_mae": named(np.mean([r.masked for r in runs], axis=(0, 1))),
        "paired": {name: i.as_dict() for name, i in zip(COLUMNS, paired, strict=True)},
        "unpaired": unpaired,
        "ranges": _range_gaps(difference, first, options),
        "zero_baseline": metrics.zero_baseline(first.true),
    }


def compare_gaps(
    baseline: Sequence[Pairs], other: Sequence[Pairs], *, resamples: int = 10_000, seed: int = 0
) -> dict[str, Interval]:
    """How much smaller the gap of ``baseline`` became in ``other``: positive = smaller, on the same pictures.

    Both lists hold one entry a seed, in the same order of seeds. An interval that excludes zero is a
    significant change for new pictures and new seeds.
    """
    _check_same([*baseline, *other])
    if len(baseline) != len(other):
        raise UsageError(f"seeds of the two models differ in number: {len(baseline)} and {len(other)}")
    change = np.stack([b.difference - o.difference for b, o in zip(baseline, other, strict=True)])
    intervals = mean_intervals(change, baseline[0].groups, resamples=resamples, seed=seed)
    return dict(zip(COLUMNS, intervals, strict=True))


def compare_errors(
    baseline: Sequence[Predictions], other: Sequence[Predictions], *, resamples: int = 10_000, seed: int = 0
) -> dict[str, Interval]:
    """Error of ``other`` minus error of ``baseline`` on one set, per column of COLUMNS; negative = better."""
    if len(baseline) != len(other):
        raise UsageError(f"seeds of the two models differ in number: {len(baseline)} and {len(other)}")
    if any(p.ids != baseline[0].ids for p in [*baseline, *other]):
        raise UsageError("models to compare must be evaluated on the same pictures")
    change = np.stack([_columns(o) - _columns(b) for b, o in zip(baseline, other, strict=True)])
    intervals = mean_intervals(change, baseline[0].groups, resamples=resamples, seed=seed)
    return dict(zip(COLUMNS, intervals, strict=True))


def worst_pairs(pairs: Pairs, count: int = 12) -> list[tuple[str, float, float]]:
    """(id, clean, masked) geodesic errors of the pairs whose error grew most under the mask."""
    order = np.argsort(-pairs.difference[:, -1], kind="stable")[:count]
    return [(pairs.ids[i], float(pairs.clean[i, -1]), float(pairs.masked[i, -1])) for i in order]


def named(values: Array) -> dict[str, float]:
    """Five numbers by the names of COLUMNS."""
    return dict(zip(COLUMNS, map(float, values), strict=True))


def _columns(p: Predictions, metric: str = "wrapped") -> Array:
    errors = p.errors(metric)
    return np.column_stack([errors, errors.mean(axis=1), p.geodesic()])


def _check_same(runs: Sequence[Pairs]) -> None:
    if not runs:
        raise UsageError("no evaluation to compare; give at least one seed")
    if any(r.ids != runs[0].ids for r in runs):
        raise UsageError("the runs to compare were evaluated on different pictures; use one test set for all")


def _range_gaps(difference: Array, pairs: Pairs, options: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    """Per angle, the gap in that angle among heads whose true angle lies in each range."""
    labels, columns = [], []
    for label, inside in metrics.range_masks(pairs.true):
        labels.append(label)
        columns.append(np.where(inside, difference[..., :3], np.nan))
    intervals = mean_intervals(np.concatenate(columns, axis=-1), pairs.groups, **options)
    table: dict[str, list[dict[str, Any]]] = {name: [] for name in metrics.ANGLES}
    for i, label in enumerate(labels):
        for j, name in enumerate(metrics.ANGLES):
            interval = intervals[3 * i + j]
            table[name].append({"range": label, **(interval.as_dict() if interval.n else {"n": 0})})
    return table
