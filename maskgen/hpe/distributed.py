"""The little that several processes (torchrun) need: who am I, wait for the others, share numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from .predictions import Predictions, joined


@dataclass(frozen=True)
class Process:
    """One process of a run. rank 0 builds caches, writes files and talks."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until all processes are here."""
        if self.world > 1:
            dist.barrier()

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def joined(self, mine: Predictions) -> Predictions:
        """The predictions of all processes; a picture that several had (padding) counts once."""
        if self.world == 1:
            return mine
        shares: list[Predictions | None] = [None] * self.world
        dist.all_gather_object(shares, mine)
        return joined([s for s in shares if s is not None])

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says so: all must leave a loop at the same step."""
        if self.world == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=device)).item() > 0)


@contextmanager
def processes(device: str) -> Iterator[Process]:
    """Join the others where torchrun started this process; a single process otherwise."""
    if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
        yield Process()
        return
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Process(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        dist.destroy_process_group()
