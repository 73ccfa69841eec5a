"""Angles that make the turned dataset's poses as evenly spread as its pictures allow.

Turning a picture carries its label along one curve through the space of poses: which bins of a histogram it
can reach is given, which of them it takes is ours to choose. The choice is a flow from pictures to bins, and
its optimum is reached when no chain of exchanges leads from a fuller bin to one emptier by two or more. Such
a flow minimises *every* symmetric convex cost of the bin counts at once (their sum of squares, their maximum,
the negative entropy ...), so "as flat as the data allow" has one meaning (optimal semi-matchings: Harvey,
Ladner, Lovasz and Tamir, J. Algorithms 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from maskgen.geometry.rotation import Array, matrix_to_euler, nearest_triple

from .plan import CELLS, AngleRange, dice_of

Ints = NDArray[np.int64]

_CANDIDATE_STEP = 1.0
_CHUNK = 2048


@dataclass(frozen=True, eq=False)
class Balanced:
    """angles: (n, count) degrees. counts: how many turned pictures each reachable bin got."""

    angles: Array
    counts: Ints


def turn_about(axes: Array, theta_deg: Array, rotations: Array) -> Array:
    """Poses (n, m, 3, 3) after turning the pictures (n, 3, 3) about unit axes (n, 3) by angles (n, m).

    ``Rot(axis, -theta) @ R`` by Rodrigues' formula; the axis is (0, 0, 1) but for calibrated cameras.
    """
    x, y, z = np.moveaxis(axes, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)
    first = cross @ rotations
    second = cross @ first
    t = np.radians(-theta_deg)[..., None, None]
    return rotations[:, None] + np.sin(t) * first[:, None] + (1.0 - np.cos(t)) * second[:, None]


def cell_numbers(angles_deg: Array, by: str) -> Ints:
    """The histogram cell of triples (..., 3): one integer each."""
    which, width = CELLS[by]
    per_axis = int(360.0 / width)
    out = np.zeros(angles_deg.shape[:-1], dtype=np.int64)
    for axis in which:
        # (-180, 180]: the upper edge belongs to the last cell
        k = np.ceil((angles_deg[..., axis] + 180.0) / width).astype(np.int64) - 1
        out = out * per_axis + np.clip(k, 0, per_axis - 1)
    return out


def turned_cells(rotations: Array, labels_deg: Array, axes: Array, angles_deg: Array, by: str) -> Ints:
    """Cells (n, m) of the labels (n, 3, 3), (n, 3) once their pictures are turned by angles (n, m)."""
    cells = np.empty(angles_deg.shape, dtype=np.int64)
    for start in range(0, len(cells), _CHUNK):
        s = slice(start, start + _CHUNK)
        turned = matrix_to_euler(turn_about(axes[s], angles_deg[s], rotations[s]))
        cells[s] = cell_numbers(nearest_triple(turned, labels_deg[s, None]), by)
    return cells


def balanced_angles(
    rotations: Array,
    labels_deg: Array,
    ids: Sequence[str],
    span: AngleRange,
    *,
    by: str,
    seed: int = 0,
    count: int = 1,
    axes: Array | None = None,
) -> Balanced:
    """Angles (n, count) that spread roll, or the whole pose, as evenly as the pictures allow.

    rotations: (n, 3, 3) label matrices; labels_deg: (n, 3) their own angles; axes: (n, 3) the unit axis, in
    the label's frame, that the turn goes about (default the optical axis). by: "roll" (bins of 5 degrees) or
    "pose" (cells of 15 x 15 x 15 degrees). Where the optimum leaves a choice, (seed, id) decides.
    """
    n = len(ids)
    axes = np.tile([0.0, 0.0, 1.0], (n, 1)) if axes is None else np.asarray(axes, dtype=np.float64)
    steps = max(8 * count, int(np.ceil(span.width / _CANDIDATE_STEP)))
    dice = np.empty((n, 1 + count))
    for i, name in enumerate(ids):
        streams = dice_of(seed, name)
        dice[i] = [streams.uniform(f"balance/{k}") for k in range(1 + count)]
    candidates = span.at((np.arange(steps) + dice[:, :1]) / steps)
    reached = turned_cells(rotations, labels_deg, axes, candidates, by)
    cells, flat = np.unique(reached, return_inverse=True)
    flat = flat.reshape(reached.shape)
    chosen = flattest(flat, len(cells), count)
    angles = np.empty((n, count))
    for i in range(n):
        spent: dict[int, int] = {}
        for k, cell in enumerate(chosen[i]):
            options = np.flatnonzero(flat[i] == cell)
            # a cell taken twice by one picture gets two different angles
            j = (int(dice[i, 1 + k] * len(options)) + spent.get(cell, 0)) % len(options)
            spent[cell] = spent.get(cell, 0) + 1
            angles[i, k] = candidates[i, options[j]]
    return Balanced(angles, np.bincount(chosen.ravel(), minlength=len(cells)))


def flattest(reached: Ints, bins: int, count: int = 1) -> Ints:
    """Bins (n, count), as flat as can be, for pictures that reach the bins in their row of ``reached`` (n,
    m).

    A picture takes a bin twice only if it can reach fewer bins than it has to fill.
    """
    flow = _Flow(reached, bins, count)
    flow.start()
    flow.improve()
    return flow.result()


class _Flow:
    """Pictures send ``count`` units each to bins they reach; edges are (picture, bin) pairs."""

    def __init__(self, reached: Ints, bins: int, count: int) -> None:
        pairs = np.unique(np.arange(len(reached))[:, None] * np.int64(bins) + reached)
        self.image, self.bin = pairs // bins, pairs % bins
        self.first = np.searchsorted(self.image, np.arange(len(reached) + 1))
        degree = np.diff(self.first)
        self.room = (-(-count // np.maximum(degree, 1)))[self.image]
        self.units = np.zeros(len(pairs), dtype=np.int64)
        self.load = np.zeros(bins, dtype=np.int64)
        self.count, self.bins = count, bins
        by_bin = np.argsort(self.bin, kind="stable")
        self.edges_of = np.split(by_bin, np.searchsorted(self.bin[by_bin], np.arange(1, bins)))
        #: can_move[a, b]: how many pictures could move a unit from bin a to bin b
        self.can_move = np.zeros((bins, bins), dtype=np.int32)

    def start(self) -> None:
        """Least choice first, each to its emptiest bin: nearly optimal already."""
        for i in np.argsort(np.diff(self.first), kind="stable"):
            edges = slice(self.first[i], self.first[i + 1])
            for _ in range(self.count):
                full = self.units[edges] >= self.room[edges]
                k = int(np.argmin(np.where(full, np.iinfo(np.int64).max, self.load[self.bin[edges]])))
                self.units[self.first[i] + k] += 1
                self.load[self.bin[self.first[i] + k]] += 1
            self._tally(i, 1)

    def _tally(self, i: int, sign: int) -> None:
        edges = slice(self.first[i], self.first[i + 1])
        to = self.bin[edges][self.units[edges] < self.room[edges]]
        for a in self.bin[edges][self.units[edges] > 0]:
            self.can_move[a, to] += sign

    def improve(self) -> None:
        """Push units along chains of exchanges, fullest bin first, until no chain evens anything out."""
        open_bins = np.ones(self.bins, dtype=bool)
        while open_bins.any():
            a = int(np.argmax(np.where(open_bins, self.load, -1)))
            parent, seen = self._reachable(a, open_bins)
            b = int(np.argmin(np.where(seen, self.load, np.iinfo(np.int64).max)))
            gap = int(self.load[a] - self.load[b])
            if gap < 2:
                # nothing in this set can be evened out, and its units cannot leave it: it is settled
                open_bins &= ~seen
                continue
            path = [b]
            while path[-1] != a:
                path.append(int(parent[path[-1]]))
            moved = min(gap // 2, *(int(self.can_move[p, q]) for q, p in pairwise(path)))
            # from the end backwards, so that no step meets a bin that has not made room yet
            for q, p in pairwise(path):
                self._move(p, q, moved)

    def _reachable(self, a: int, open_bins: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
        """Shortest chains from bin a over the open bins, breadth first."""
        parent = np.full(self.bins, -1)
        seen = np.zeros(self.bins, dtype=bool)
        seen[a] = True
        ring = np.array([a])
        while len(ring):
            hit = self.can_move[ring] > 0
            fresh = hit.any(axis=0) & ~seen & open_bins
            parent[fresh] = ring[hit[:, fresh].argmax(axis=0)]
            seen |= fresh
            ring = np.flatnonzero(fresh)
        return parent, seen

    def _move(self, a: int, b: int, number: int) -> None:
        """Move one unit of each of ``number`` pictures from bin a to bin b."""
        out, into = self.edges_of[a], self.edges_of[b]
        out = out[self.units[out] > 0]
        into = into[self.units[into] < self.room[into]]
        _, left, right = np.intersect1d(self.image[out], self.image[into], True, return_indices=True)
        for e, f in zip(out[left[:number]], into[right[:number]], strict=True):
            i = int(self.image[e])
            self._tally(i, -1)
            self.units[e] -= 1
            self.units[f] += 1
            self._tally(i, 1)
        self.load[a] -= number
        self.load[b] += number

    def result(self) -> Ints:
        """(n, count) bins."""
        n = len(self.first) - 1
        return np.repeat(self.bin, self.units).reshape(n, self.count)
