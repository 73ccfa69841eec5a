"""Which samples make up which step: fixed by seed, stage and epoch alone, so that any step can be redone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from .config import Config
from .contract import HeadPoseModel, Stage
from .data import Rows, SampleSet, seed_of


@dataclass(frozen=True, eq=False)
class Step:
    """Samples of one step on one process. pool, index: reference images of ``refs`` networks."""

    samples: Rows
    pool: Rows | None = None
    index: Rows | None = None

    @property
    def all(self) -> Rows:
        """Samples and references, in this order: they are read and augmented together."""
        return self.samples if self.pool is None else np.concatenate([self.samples, self.pool])


def epoch_steps(
    samples: SampleSet,
    model: HeadPoseModel,
    config: Config,
    stage: Stage,
    epoch: int,
    rank: int = 0,
    world: int = 1,
) -> list[Step]:
    """The steps of one epoch on one of ``world`` processes; every process gets equally many.

    Networks with a sampler of their own get it over the pictures drawn by weight for this epoch. Raises
    UsageError if the set is smaller than one batch over all processes needs.
    """
    euler = samples.column("euler")
    wanted = config.train.steps_per_epoch
    batches: list[Rows] = []
    for turn in range(1_000):
        seed = seed_of(config.seed, "order", stage.name, epoch, turn)
        batches += _once_through(samples, euler, model, config, stage, seed, world)
        if wanted is None or len(batches) >= wanted * world or not batches:
            break
    if wanted is not None:
        batches = batches[: wanted * world]
    batches = batches[: len(batches) // world * world]
    if not batches:
        raise UsageError(
            f"{len(samples)} training pictures are too few for {world} process(es) "
            f"of batch {config.train.batch}"
        )
    mine = batches[rank::world]
    picker: Any = None
    if model.batch_spec == "refs" and hasattr(model, "reference_picker"):
        picker = model.reference_picker(euler)
    if picker is None:
        return [Step(b) for b in mine]
    steps = []
    for number, batch in enumerate(mine):
        rng = np.random.default_rng(seed_of(config.seed, "refs", stage.name, epoch, number, rank))
        pool, index = picker(batch.tolist(), rng)
        steps.append(Step(batch, np.asarray(pool), np.asarray(index)))
    return steps


def _once_through(
    samples: SampleSet,
    euler: np.ndarray,
    model: HeadPoseModel,
    config: Config,
    stage: Stage,
    seed: int,
    world: int,
) -> list[Rows]:
    size = config.train.batch
    drawn = samples.epoch(seed, 0)
    own = model.batch_sampler(euler[drawn], size, seed % 2**32, stage)
    if own is not None:
        return [drawn[np.asarray(batch)] for batch in own]
    return list(_cut(drawn, min(size, max(1, len(drawn) // world))))


def _cut(order: Rows, size: int) -> Iterator[Rows]:
    """Full batches; a rest is left for another epoch, since BatchNorm learns little from a few pictures."""
    for start in range(0, len(order) - size + 1, size):
        yield order[start : start + size]
