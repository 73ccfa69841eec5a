"""Reference selectors: how many references of which yaw an input is compared with.

Yaw is cut into bins of ``width`` degrees over [-180, 180). A selector gives every bin a weight from the
distance of its centre x to the yaw mu of the input,

    gaussian           exp(-(x - mu)^2 / (2 sigma^2))       the near ones
    reverse_gaussian   exp(+(x - mu)^2 / (2 sigma^2))       the far ones
    uniform            one reference from each bin in turn
    bins               the bin of the input alone
    random             any image, bins ignored

and the k references are shared out as W / sum(W) * k by largest remainder. Two points where the seed deck's
worked example does not compute are settled here: rounding each share gives 9 references for k = 10 (largest
remainder gives 10), and its reverse table lacks the factor 2.

300W-LP has no head beyond +-99 degrees, so most outer bins are empty. By default they are taken out before
the weights are normalised. ``keep_empty`` leaves them in, as a literal reading does: what falls on an empty
bin is refilled from the nearest bin that has images, which sends nearly all references of
``reverse_gaussian`` and of ``uniform`` (``order="ordered"``) to the extreme poses: the collapse in the
published table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import UsageError
from ...geometry.rotation import wrap_deg

METHODS = ("random", "bins", "gaussian", "reverse_gaussian", "uniform")
ORDERS = ("shuffled", "ordered")
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def bin_weights(method: str, distance: ArrayLike, sigma: float) -> Floats:
    """Weights of bins whose centres lie ``distance`` degrees from the input's yaw, scaled to a largest of 1.

    Scaling by a common factor leaves the shares alone and keeps exp(+d^2) finite at any sigma.
    """
    d = np.asarray(distance, dtype=np.float64)
    if method == "gaussian":
        exponent = -(d**2) / (2.0 * sigma**2)
    elif method == "reverse_gaussian":
        exponent = d**2 / (2.0 * sigma**2)
    else:
        raise UsageError(f"selector {method!r} has no bin weights; gaussian and reverse_gaussian have")
    return np.exp(exponent - exponent.max(initial=-np.inf)) if d.size else np.zeros(0)


def allot(weights: ArrayLike, k: int, distance: ArrayLike) -> Ints:
    """Shares ``W / sum(W) * k`` as whole numbers that add up to k: largest remainder.

    Equal remainders go to the smaller ``distance``, then to the lower index.
    """
    w = np.asarray(weights, dtype=np.float64)
    share = w / w.sum() * k
    counts: Ints = np.floor(share + 1e-12).astype(np.int64)
    remainder = np.round(share - counts, 9)
    order = np.lexsort((np.arange(len(w)), np.round(np.asarray(distance, dtype=np.float64), 9), -remainder))
    counts[order[: k - int(counts.sum())]] += 1
    return counts


@dataclass(frozen=True, eq=False)
class Selection:
    """References of one input.

    indices: (k,) positions in the pool, spread over bins as planned where the pool allows.
    refilled: how many fell on an empty or short bin and were taken from a neighbour.
    repeated: how many are copies, because the pool holds fewer than k images.
    """

    indices: Ints
    refilled: int = 0
    repeated: int = 0


@dataclass(eq=False)
class ReferenceSelector:
    """Draws k references for an input of known yaw out of a pool of known yaws.

    yaws: (N,) degrees, the pool. method: one of METHODS. k: references per input. width: degrees per bin, a
    divisor of 360. sigma: degrees, for the two Gaussians. keep_empty: see the module. order: in which
    ``uniform`` walks the bins; "ordered" starts every time at -180.
    Raises UsageError for values outside these.
    """

    yaws: Floats
    method: str = "gaussian"
    k: int = 10
    width: float = 20.0
    sigma: float = 30.0
    keep_empty: bool = False
    order: str = "shuffled"
    #: running totals over all draws, for the training log: drawn, refilled, repeated
    totals: dict[str, int] = field(default_factory=lambda: {"drawn": 0, "refilled": 0, "repeated": 0})

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UsageError(f"no reference selector {self.method!r}; choose from {', '.join(METHODS)}")
        if self.order not in ORDERS:
            raise UsageError(f"uniform order {self.order!r} is unknown; choose from {', '.join(ORDERS)}")
        if self.k < 1:
            raise UsageError(f"k is the number of references per input and must be 1 or more, got {self.k}")
        if not (0 < self.width <= 360 and math.isclose(360 / self.width, round(360 / self.width))):
            raise UsageError(
                f"bin width must divide 360 degrees, got {self.width}; try 10, 15, 20, 30, 45 or 60"
            )
        if not self.sigma > 0:
            raise UsageError(f"sigma is in degrees and must be positive, got {self.sigma}")
        yaws = np.asarray(self.yaws, dtype=np.float64)
        if yaws.ndim != 1 or not len(yaws) or not np.isfinite(yaws).all():
            raise UsageError("the reference pool is a list of finite yaws in degrees with at least one entry")
        self.yaws = yaws
        bins = self.bin_of(yaws)
        self.centres = -180.0 + (np.arange(round(360 / self.width)) + 0.5) * self.width
        by_bin = np.argsort(bins, kind="stable")
        edges = np.searchsorted(bins[by_bin], np.arange(len(self.centres) + 1))
        self.members = [by_bin[edges[b] : edges[b + 1]] for b in range(len(self.centres))]
        self.sizes = np.array([len(m) for m in self.members])

    def bin_of(self, yaw: ArrayLike) -> Ints:
        """Bin index of yaws in degrees; +180 is the same direction as -180 and falls into bin 0."""
        turned = np.mod(np.asarray(yaw, dtype=np.float64) + 180.0, 360.0)
        last = round(360 / self.width) - 1
        bins: Ints = np.minimum(turned // self.width, last).astype(np.int64)
        return bins

    @property
    def empty_bins(self) -> int:
        """How many bins hold no image of the pool."""
        return int((self.sizes == 0).sum())

    def describe(self) -> str:
        """One sentence for the training log: the bins, and what happens to the empty ones."""
        n = len(self.centres)
        what = f"references: {self.method}, k={self.k}, {n} yaw bins of {self.width:g} degrees"
        if self.method in ("gaussian", "reverse_gaussian"):
            what += f", sigma {self.sigma:g}"
        if self.method == "random" or not self.empty_bins:
            return what
        fate = "kept and refilled from their neighbours" if self.keep_empty else "left out before normalising"
        return f"{what}; {self.empty_bins} of {n} bins are empty and {fate}"

    def plan(self, yaw: float, rng: np.random.Generator) -> Ints:
        """How many references each bin is to give, (bins,), adding up to k; before any refilling."""
        n = len(self.centres)
        # a head at +170 and one at -170 are 20 degrees apart
        distance = np.abs(wrap_deg(self.centres - yaw))
        counts = np.zeros(n, dtype=np.int64)
        usable = np.arange(n) if self.keep_empty else np.flatnonzero(self.sizes)
        if self.method == "bins":
            counts[self.bin_of(yaw)] = self.k
        elif self.method == "uniform":
            walk = usable if self.order == "ordered" else rng.permutation(usable)
            np.add.at(counts, np.resize(walk, self.k), 1)
        else:
            weights = bin_weights(self.method, distance[usable], self.sigma)
            counts[usable] = allot(weights, self.k, distance[usable])
        return counts

    def select(self, yaw: float, rng: np.random.Generator, exclude: int | None = None) -> Selection:
        """The references of an input at ``yaw`` degrees; ``exclude`` is its own position in the pool, if any.

        No image is taken twice while the pool has others.
        """
        available = len(self.yaws) - (exclude is not None)
        if available < 1:
            raise UsageError(
                "the reference pool holds nothing but the input itself; give it two images or more"
            )
        if self.method == "random":
            pool = np.arange(len(self.yaws))
            pool = pool if exclude is None else np.delete(pool, exclude)
            return self._count(self._draw(pool, self.k, rng), 0)
        chosen: list[Ints] = []
        taken = np.zeros(len(self.yaws), dtype=bool)
        if exclude is not None:
            taken[exclude] = True
        short: list[int] = []
        for b in np.flatnonzero(counts := self.plan(yaw, rng)):
            free = self.members[b][~taken[self.members[b]]]
            got = (
                rng.permutation(free)[: counts[b]] if len(free) <= 4096 else self._draw(free, counts[b], rng)
            )
            taken[got] = True
            chosen.append(got)
            short += [int(b)] * int(counts[b] - len(got))
        for lacking in short:
            found = self._nearest_free(lacking, taken, rng)
            if found is not None:
                taken[found] = True
                chosen.append(np.array([found]))
        indices = np.concatenate(chosen).astype(np.int64)
        if len(indices) < self.k:
            indices = np.resize(indices, self.k)
        return self._count(indices, len(short))

    def _nearest_free(self, b: int, taken: NDArray[np.bool_], rng: np.random.Generator) -> int | None:
        """An unused image of the bin nearest to bin b (ties: at random), or None when all are used."""
        gap = np.abs(wrap_deg(self.centres - self.centres[b]))
        for ring in np.unique(np.round(gap, 6)):
            for other in rng.permutation(np.flatnonzero(np.isclose(gap, ring))):
                free = self.members[other][~taken[self.members[other]]]
                if len(free):
                    return int(rng.choice(free))
        return None

    @staticmethod
    def _draw(pool: Ints, count: int, rng: np.random.Generator) -> Ints:
        if count <= len(pool):
            return rng.choice(pool, count, replace=False)
        return np.resize(rng.permutation(pool), count)

    def _count(self, indices: Ints, refilled: int) -> Selection:
        repeated = len(indices) - len(np.unique(indices))
        for key, value in (("drawn", len(indices)), ("refilled", refilled), ("repeated", repeated)):
            self.totals[key] += value
        return Selection(indices, refilled, repeated)


def in_batch_weights(yaws: ArrayLike, selector: ReferenceSelector) -> Floats:
    """Weights (B, B), rows adding up to 1 with a zero diagonal, that apply a selector to the batch itself.

    Row i is the expected share of image j among the references of image i when the batch is the pool: the
    weight of its bin divided by the images in that bin. With ``bins`` an image alone in its bin turns to the
    nearest ones. Raises UsageError for a batch of one.
    """
    y = np.asarray(yaws, dtype=np.float64)
    n = len(y)
    if n < 2:
        raise UsageError("in-batch references need a batch of 2 images or more")
    others = ~np.eye(n, dtype=bool)
    bins = selector.bin_of(y)
    if selector.method == "random":
        return others / (n - 1.0)
    centre_gap = np.abs(wrap_deg(selector.centres[bins][None, :] - y[:, None]))
    # size of image j's bin once image i is taken out of the batch
    same = bins[None, :] == bins[:, None]
    size = np.bincount(bins, minlength=len(selector.centres))[bins][None, :] - same
    out = np.zeros((n, n))
    for i in range(n):
        j = np.flatnonzero(others[i])
        if selector.method == "bins":
            gap = np.abs(wrap_deg(selector.centres[bins[j]] - selector.centres[bins[i]]))
            out[i, j] = np.isclose(gap, gap.min())
        elif selector.method == "uniform":
            out[i, j] = 1.0 / size[i, j]
        else:
            out[i, j] = bin_weights(selector.method, centre_gap[i, j], selector.sigma) / size[i, j]
    out /= out.sum(1, keepdims=True)
    return out
