"""What a seed says of one mask: how it hangs, its folds, creases and print. The same in every picture."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

_WORD = 0xFFFFFFFFFFFFFFFF


class Drawn(NamedTuple):
    """Bytes 0..255. crease: strength and place, across and down; folds: of `fabric.wandered`; slack: of
    `slack.slackened`; stamp: which of a style's prints it wears, `fabric.print_of`."""

    crease: tuple[int, int, int]
    folds: tuple[int, ...]
    slack: tuple[int, ...]
    stamp: int


@lru_cache(maxsize=64)  # asked several times a picture
def drawn(seed: int) -> Drawn:
    """What is drawn for a mask of ``seed``, any integer."""
    a, b = _bytes_of(seed), _bytes_of(~seed)
    return Drawn((a[0], a[1], a[2]), a[3:], b[2:], b[0])


def _bytes_of(seed: int) -> tuple[int, ...]:
    """Eight independent bytes of a seed, by one round of the splitmix64 finaliser."""
    z = (seed + 0x9E3779B97F4A7C15) & _WORD
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _WORD
    z ^= z >> 31
    return tuple(z.to_bytes(8, "little"))
