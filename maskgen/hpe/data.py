"""Sets of cached crops: several sources as one, cut down to splits and limits, and drawn by weight."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..io.images import Pixels
from ..jobs.manifest import read_manifest
from . import selection
from .cache import CropCache, Progress, open_cache
from .mixture import Source, resolve
from .predictions import Labels
from .rows import RowSpec

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SampleSet:
    """Rows of one or more caches, in a fixed order.

    source: (n,) index into ``sources``. row: (n,) row of that source's cache. dropped: how many pictures were
    left out, by reason. shared_ids: sources hold pictures of one id (a dataset and its twin do).
    """

    sources: tuple[Source, ...]
    caches: tuple[CropCache, ...]
    source: Rows
    row: Rows
    dropped: dict[str, int]
    shared_ids: bool = False

    def __len__(self) -> int:
        return len(self.row)

    def column(self, name: str) -> NDArray[Any]:
        """A field of rows.Row for every sample, stacked."""
        parts = [c.labels[name] for c in self.caches]
        starts = np.cumsum([0, *(len(c) for c in self.caches[:-1])])
        return np.concatenate(parts)[starts[self.source] + self.row]

    def labels(self) -> Labels:
        """Ids, (n, 3) label angles and groups. Ids that sources share are made unique: ``NAME:id``."""
        ids, groups = self.column("id").tolist(), self.column("group").tolist()
        if self.shared_ids:
            names = [s.name for s in self.sources]
            names = [n if names.count(n) == 1 else f"{n}#{k}" for k, n in enumerate(names, start=1)]
            ids = [f"{names[k]}:{i}" for k, i in zip(self.source.tolist(), ids, strict=True)]
        return Labels(tuple(ids), self.column("euler"), tuple(groups))

    def pixels(self, samples: Sequence[int] | Rows) -> Pixels:
        """(b, px, px, 3) uint8 RGB of the given samples, copied out of the memory maps."""
        which = np.asarray(samples)
        if len(self.caches) == 1:
            return np.asarray(self.caches[0].images[self.row[which]])
        out = np.empty((len(which), *self.caches[0].images.shape[1:]), dtype=np.uint8)
        for k, cache in enumerate(self.caches):
            here = np.flatnonzero(self.source[which] == k)
            if len(here):
                out[here] = cache.images[self.row[which[here]]]
        return out

    def take(self, samples: Rows) -> SampleSet:
        """A subset, in the given order."""
        return replace(self, source=self.source[samples], row=self.row[samples], dropped=dict(self.dropped))

    def split_off(self, fraction: float, salt: str = "validation") -> tuple[SampleSet, SampleSet]:
        """(rest, held out): about ``fraction`` of the groups, the same ones in every run and every twin.

        Whole groups move, so neither a person's other frames nor the masked twin of a picture leaks.
        """
        groups = self.column("group")
        share = {g: selection.fraction(str(g), salt) for g in np.unique(groups)}
        held = np.array([share[g] < fraction for g in groups], dtype=bool)
        return self.take(np.flatnonzero(~held)), self.take(np.flatnonzero(held))

    def epoch(self, seed: int, epoch: int) -> Rows:
        """Samples of one epoch in random order: each source's pictures as often as its weight says."""
        rng = np.random.default_rng([seed, epoch, 0x5EED])
        drawn = []
        for k, source in enumerate(self.sources):
            mine = np.flatnonzero(self.source == k)
            whole, part = divmod(source.weight, 1.0)
            drawn += [mine] * int(whole)
            drawn.append(rng.permutation(mine)[: round(part * len(mine))])
        return np.asarray(rng.permutation(np.concatenate(drawn)), dtype=np.int64)

    def mask_meta(self) -> list[dict[str, Any]]:
        """For every sample {"masked", "style", "pair"}, as the manifests of the sources say."""
        styles = [_styles(s.root) for s in self.sources]
        return [
            {"masked": i in styles[k], "style": styles[k].get(i), "pair": i}
            for k, i in zip(self.source.tolist(), self.column("id").tolist(), strict=True)
        ]

    def describe(self) -> dict[str, Any]:
        """What the set is, for results: sources, counts, and hashes of lists and content."""
        sources = []
        for k, (source, cache) in enumerate(zip(self.sources, self.caches, strict=True)):
            rows = self.row[self.source == k]
            sources.append(
                {
                    "name": source.name,
                    "dataset": source.format.name,
                    "weight": source.weight,
                    "n": len(rows),
                    "split": str(source.selection) if source.selection else None,
                    "split_sha256": source.selection.sha256 if source.selection else None,
                    "content_sha256": cache.content_hash(np.sort(rows)),
                }
            )
        return {"n": len(self), "dropped": self.dropped, "sources": sources}


def load_set(
    expression: str,
    spec: RowSpec,
    cache: Path,
    *,
    root: str | Path | None = None,
    angle_limit: float | None = 99.0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> SampleSet:
    """The samples of a data expression, from caches that are built where they are missing.

    Pictures that cannot be read or cropped, and those with an |angle| above ``angle_limit``, are dropped and
    counted. Raises UsageError or DatasetNotFound for an expression that names nothing usable.
    """
    sources = tuple(resolve(expression, root))
    caches = tuple(open_cache(s, spec, cache, jobs=jobs, progress=progress) for s in sources)
    index, rows = [], []
    dropped = {"unusable": 0, "angle": 0}
    for k, (source, opened) in enumerate(zip(sources, caches, strict=True)):
        chosen = _selected(source, opened)
        usable = opened.usable
        within = np.ones(len(opened), dtype=bool)
        if angle_limit is not None:
            # written so that a missing angle (nan) counts as within: such a row is unusable already
            within = ~(np.abs(opened.labels["euler"]) > angle_limit).any(axis=1)
        dropped["unusable"] += int((chosen & ~usable).sum())
        dropped["angle"] += int((chosen & usable & ~within).sum())
        keep = np.flatnonzero(chosen & usable & within)
        index.append(np.full(len(keep), k))
        rows.append(keep)
    found = SampleSet(sources, caches, np.concatenate(index), np.concatenate(rows), dropped)
    if len(found) == 0:
        raise UsageError(
            f"no picture is left of {expression!r}: {dropped['unusable']} cannot be used, "
            f"{dropped['angle']} have an |angle| above data.angle_limit"
        )
    # asked of the whole set: a part of it names its pictures as every other part does
    return replace(found, shared_ids=len(np.unique(found.column("id"))) < len(found))


def _selected(source: Source, cache: CropCache) -> NDArray[np.bool_]:
    if source.selection is None:
        return np.ones(len(cache), dtype=bool)
    pairs = zip(cache.labels["id"].tolist(), cache.labels["group"].tolist(), strict=True)
    chosen = np.array([source.selection.holds(i, g) for i, g in pairs], dtype=bool)
    if not chosen.any():
        raise UsageError(f"the split {source.selection} holds no picture of {source.name} ({source.root})")
    return chosen


def _styles(root: Path) -> dict[str, str]:
    """Mask style by id, from the manifest of a masked dataset; empty for any other."""
    try:
        outcomes = list(read_manifest(root))
    except FileNotFoundError:
        return {}
    return {o.id: str(o.draw["style"]) for o in outcomes if o.draw and "style" in o.draw}


def seed_of(*parts: object) -> int:
    """A 63-bit seed that depends on all parts: one independent stream per (seed, epoch, step, rank)."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
