"""Random numbers that depend on (seed, sample id, name of the decision) and on nothing else.

Every decision has a stream of its own, addressed instead of advanced: a Philox generator is keyed by a hash
of the seed and the sample, and its counter is a hash of the decision's name. So the order of decisions, the
number of workers and decisions added later leave every other draw as it was.
(Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.)

Only raw 64-bit output is used: NumPy promises that a bit generator's stream never changes, while the methods
of ``Generator`` may.
"""

from __future__ import annotations

import hashlib
import math
import struct
import sys
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np


class _Own(threading.local):
    """A generator for each thread: making one for each sample would cost more than all its draws."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(key=0)


_OWN = _Own()


@lru_cache(maxsize=4096)
def _counter_of(name: str) -> tuple[int, ...]:
    return struct.unpack("<4Q", hashlib.blake2b(name.encode(), digest_size=32).digest())


def loader_worker() -> str:
    """The seed of the torch DataLoader worker this runs in, as text; "" outside of one.

    torch gives each worker another one, new in every epoch and decided by its own seed: what is drawn from it
    repeats neither between workers nor between epochs.
    """
    torch = sys.modules.get("torch")  # a worker has imported it; nobody else needs to
    info = torch.utils.data.get_worker_info() if torch is not None else None
    return "" if info is None else str(info.seed)


class Streams:
    """The random streams of one sample.

    seed: any integer >= 0. sample_id: the entry's id. scope: keeps the draws of different programs apart.
    """

    def __init__(self, seed: int, sample_id: str, scope: str = "maskgen") -> None:
        text = f"{scope}\0{seed}\0{sample_id}".encode()
        key = struct.unpack("<2Q", hashlib.blake2b(text, digest_size=16).digest())
        self._address = {"key": key, "counter": key}
        # in plain numbers, which NumPy takes over faster than an array's. Nothing is buffered: the next word
        # comes from the counter
        self._state: Any = {
            "bit_generator": "Philox",
            "state": self._address,
            "buffer": (0, 0, 0, 0),
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }

    def bits(self, name: str) -> int:
        """64 random bits for the decision ``name``; always the same ones."""
        self._address["counter"] = _counter_of(name)
        philox = _OWN.philox
        philox.state = self._state
        return int(philox.random_raw())

    def integer(self, name: str) -> int:
        """An integer in 0 .. 2**63 - 1."""
        return self.bits(name) >> 1

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> float:
        """A number in [low, high), from 53 random bits."""
        return low + (high - low) * ((self.bits(name) >> 11) * 2.0**-53)

    def normal(self, name: str) -> float:
        """A standard normal number (Box and Muller, from two streams), within +-8.6."""
        radius = math.sqrt(-2.0 * math.log1p(-self.uniform(f"{name}/radius")))
        return radius * math.cos(2.0 * math.pi * self.uniform(f"{name}/angle"))

    def choice(self, name: str, weights: Mapping[str, float]) -> str:
        """One of the options, with probability proportional to its weight (>= 0, not all 0).

        Each option runs an exponential race of its own, so the order of options does not matter, and an
        option that is added takes only the samples it wins: every other sample keeps its choice.
        Raises ValueError where no option has a weight above 0.
        """
        best, winner = math.inf, None
        for option in sorted(weights):
            if weights[option] <= 0:
                continue
            time = -math.log1p(-self.uniform(f"{name}/{option}")) / weights[option]
            if time < best or winner is None:
                best, winner = time, option
        if winner is None:
            raise ValueError(f"no option of {name!r} has a weight above 0: {dict(weights)}")
        return winner
