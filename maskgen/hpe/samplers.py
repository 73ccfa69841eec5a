"""Batches of their own kind: level-balanced (ranking), close pairs (GLPose), with references (MHPE)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError
from ..geometry.rotation import Array, euler_to_matrix, geodesic_deg
from .references import ReferenceSelector

Ints = NDArray[np.int64]


def rank_levels(euler_deg: ArrayLike, width: float = 3.0, start: float = -99.0, count: int = 66) -> Ints:
    """Levels 0..count-1 of angles in degrees: ``floor((angle - start) / width)``, outside ones clamped."""
    level = np.floor((np.asarray(euler_deg, dtype=np.float64) - start) / width).astype(np.int64)
    return np.clip(level, 0, count - 1)


def _checked(euler_deg: ArrayLike, least: int) -> Array:
    euler = np.asarray(euler_deg, dtype=np.float64)
    if euler.ndim != 2 or euler.shape[1] != 3:
        raise UsageError(f"labels are (N, 3) angles (yaw, pitch, roll), got shape {euler.shape}")
    if len(euler) < least:
        raise UsageError(
            f"this network learns from pairs and needs {least} training images or more, got {len(euler)}"
        )
    return euler


def level_balanced(euler_deg: ArrayLike, batch_size: int, seed: int) -> Iterator[list[int]]:
    """Batches in which the rank levels of each angle are drawn alike, however rare their images are.

    Slot s of a batch takes angle s mod 3 (yaw, pitch, roll), a level of that angle at random among those that
    have images, and the next image of that level; the images of a level are gone through in random order
    before one comes again. No image is twice in a batch while there are others. One epoch is N / batch_size
    batches, at least one.
    """
    euler = _checked(euler_deg, 2)
    rng = np.random.default_rng(seed)
    levels = rank_levels(euler)
    size = min(batch_size, len(euler))
    decks: list[dict[int, Ints]] = []
    for angle in range(3):
        present = np.unique(levels[:, angle])
        decks.append({int(v): rng.permutation(np.flatnonzero(levels[:, angle] == v)) for v in present})
    at = [dict.fromkeys(deck, 0) for deck in decks]
    names = [np.array(sorted(deck)) for deck in decks]
    for _ in range(max(1, len(euler) // size)):
        batch: list[int] = []
        used: set[int] = set()
        slot = 0
        while len(batch) < size:
            angle = slot % 3
            slot += 1
            level = int(rng.choice(names[angle]))
            deck = decks[angle][level]
            position = at[angle][level]
            if position == len(deck):
                decks[angle][level] = deck = rng.permutation(deck)
                position = 0
            at[angle][level] = position + 1
            image = int(deck[position])
            # small levels run out within a batch; then any image that is not in it yet will do
            if image in used and slot > 4 * size:
                image = int(rng.choice(np.setdiff1d(np.arange(len(euler)), list(used))))
            if image not in used:
                used.add(image)
                batch.append(image)
        yield batch


def close_pairs(
    euler_deg: ArrayLike, batch_size: int, seed: int, limit_deg: float = 90.0
) -> Iterator[list[int]]:
    """Batches whose items 2i and 2i+1 are less than ``limit_deg`` apart (geodesic); every image comes once or
    twice.

    Images are shuffled and paired; pairs that are too far apart are shuffled and paired again. The few that
    find no partner left over get one from the whole set, at random among those near enough, or the nearest.
    """
    euler = _checked(euler_deg, 2)
    rng = np.random.default_rng(seed)
    rotation = euler_to_matrix(euler)
    pairs: list[Ints] = []
    left = rng.permutation(len(euler))
    for _ in range(20):
        even = len(left) // 2 * 2
        if not even:
            break
        a, b = left[:even:2], left[1:even:2]
        good = geodesic_deg(rotation[a], rotation[b]) < limit_deg
        pairs.append(np.stack([a[good], b[good]], axis=1))
        left = rng.permutation(np.concatenate([a[~good], b[~good], left[even:]]))
    for image in left:
        gap = geodesic_deg(rotation[image][None], rotation)
        gap[image] = np.inf
        near = np.flatnonzero(gap < limit_deg)
        partner = rng.choice(near) if len(near) else gap.argmin()
        pairs.append(np.array([[image, partner]]))
    order = rng.permutation(np.concatenate(pairs))
    per_batch = max(1, batch_size // 2)
    for start in range(0, len(order), per_batch):
        yield [int(i) for i in order[start : start + per_batch].reshape(-1)]


def grouped_references(
    euler_deg: ArrayLike,
    batch: Sequence[int],
    selector: ReferenceSelector,
    rng: np.random.Generator,
    group: int,
) -> tuple[Ints, Ints]:
    """References of a batch: (pool (K,), index (B, k)), rows of the pool for each input.

    The inputs are put in order of yaw and every ``group`` neighbours share the k references of their mean
    yaw, which costs k / group extra images per input; group = 1 is a set of its own for each. Images asked
    for twice are loaded once.
    """
    indices = np.asarray(batch, dtype=np.int64)
    yaw = np.asarray(euler_deg, dtype=np.float64)[indices, 0]
    order = np.argsort(yaw, kind="stable")
    chosen = np.empty((len(indices), selector.k), dtype=np.int64)
    for start in range(0, len(order), max(1, group)):
        rows = order[start : start + max(1, group)]
        exclude = int(indices[rows[0]]) if len(rows) == 1 else None
        chosen[rows] = selector.select(float(yaw[rows].mean()), rng, exclude=exclude).indices
    pool, index = np.unique(chosen, return_inverse=True)
    return pool, index.reshape(chosen.shape)
