"""Bootstrap intervals for means of per-image values: paired, clustered by person, crossed with seeds.

The unit that is resampled is the group (all frames of a person, all flips of a photo), not the image:
frames of one video are near copies, and an interval that takes them for independent is far too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..geometry.rotation import Array


@dataclass(frozen=True)
class Interval:
    """A mean with its percentile interval. n: values behind it; groups: independent units resampled."""

    mean: float
    low: float
    high: float
    n: int
    groups: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies wholly on one side of zero."""
        return self.low > 0.0 or self.high < 0.0

    def as_dict(self) -> dict[str, float | int]:
        """Plain dictionary, in field order."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def mean_intervals(
    values: ArrayLike,
    groups: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> list[Interval]:
    """One interval for every column of ``values`` (n, c) or (seeds, n, c); NaN means "not in this column".

    With a leading axis of seeds, trained networks and images are resampled independently (a crossed
    bootstrap), so that the interval holds for a new seed on new images and not for these networks alone.
    groups: n keys; equal keys are drawn together. Raises ValueError for shapes that do not fit.
    """
    v = np.asarray(values, dtype=np.float64)
    if v.ndim == 2:
        v = v[None]
    if v.ndim != 3 or v.shape[1] == 0:
        raise ValueError(f"values must be (n, c) or (seeds, n, c) with n > 0, got {np.shape(values)}")
    n, columns = v.shape[1:]
    if groups is None:
        code, n_groups = np.arange(n), n
    else:
        if len(groups) != n:
            raise ValueError(f"{len(groups)} group keys for {n} values")
        names, code = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
        n_groups = len(names)
    present = ~np.isnan(v)
    sums = _per_group(np.where(present, v, 0.0), code, n_groups)
    counts = _per_group(present.astype(np.float64), code, n_groups)
    draws = _resampled_means(sums, counts, resamples, np.random.default_rng(seed))
    total, number = sums.sum(axis=(0, 1)), counts.sum(axis=(0, 1))
    out = []
    for c in range(columns):
        here = draws[:, c][np.isfinite(draws[:, c])]
        if number[c] == 0 or here.size == 0:
            out.append(Interval(float("nan"), float("nan"), float("nan"), 0, 0))
            continue
        low, high = np.quantile(here, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
        used = int((counts[:, :, c].sum(axis=0) > 0).sum())
        images = int(present[:, :, c].any(axis=0).sum())
        out.append(Interval(float(total[c] / number[c]), float(low), float(high), images, used))
    return out


def mean_interval(values: ArrayLike, groups: Sequence[str] | None = None, **options: Any) -> Interval:
    """`mean_intervals` of a single column: values (n,) or (seeds, n)."""
    return mean_intervals(np.asarray(values, dtype=np.float64)[..., None], groups, **options)[0]


def _per_group(values: Array, code: np.ndarray, n_groups: int) -> Array:
    """Sums (seeds, groups, columns) of values (seeds, n, columns)."""
    out = np.zeros((values.shape[0], n_groups, values.shape[2]))
    for s in range(values.shape[0]):
        np.add.at(out[s], code, values[s])
    return out


def _resampled_means(sums: Array, counts: Array, resamples: int, rng: np.random.Generator) -> Array:
    """(resamples, columns): ratio of resampled sums to resampled counts, in chunks of bounded memory."""
    seeds, n_groups, columns = sums.shape
    chunk = max(1, min(resamples, 2_000_000 // n_groups))
    out = np.empty((resamples, columns))
    for start in range(0, resamples, chunk):
        m = min(chunk, resamples - start)
        weights = _draw_weights(rng, m, n_groups)
        seed_weights = _draw_weights(rng, m, seeds) if seeds > 1 else np.ones((m, 1))
        top, bottom = np.zeros((m, columns)), np.zeros((m, columns))
        for s in range(seeds):
            top += seed_weights[:, s : s + 1] * (weights @ sums[s])
            bottom += seed_weights[:, s : s + 1] * (weights @ counts[s])
        with np.errstate(invalid="ignore", divide="ignore"):
            out[start : start + m] = top / bottom
    return out


def _draw_weights(rng: np.random.Generator, rows: int, units: int) -> Array:
    """How often each of ``units`` is drawn when ``units`` are drawn with replacement, (rows, units)."""
    drawn = rng.integers(0, units, size=(rows, units)) + units * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)
