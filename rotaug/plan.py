"""Which angles each picture is turned by.

A plan never looks at the order of the work: a drawn angle depends on the seed and the sample's id alone, so
that any number of workers, a resumed run or a part of the dataset give every picture the same angles. All
angles are degrees, positive = counter-clockwise as seen on screen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maskgen.errors import UsageError
from maskgen.geometry.rotation import Array
from maskgen.jobs.streams import Streams

LIMIT = 180.0

#: what a plan can be balanced by: indices of (yaw, pitch, roll), and the width of a cell in degrees
CELLS = {"roll": ((2,), 5.0), "pose": ((0, 1, 2), 15.0)}


@dataclass(frozen=True)
class AngleRange:
    """Angles from ``low`` up to ``high`` degrees. Raises UsageError if empty, reversed or beyond +-180."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise UsageError(f"the range {self.low:g} {self.high:g} needs two numbers; try --range -45 45")
        if self.low == self.high:
            raise UsageError(
                f"the range {self.low:g} {self.high:g} is empty; for one angle give --angles {self.low:g}"
            )
        if self.low > self.high:
            raise UsageError(
                f"the range {self.low:g} {self.high:g} is reversed; give --range {self.high:g} {self.low:g}"
            )
        if self.low < -LIMIT or self.high > LIMIT:
            raise UsageError(f"the range {self.low:g} {self.high:g} leaves -180 to 180, the full circle")

    @property
    def width(self) -> float:
        """Degrees covered."""
        return self.high - self.low

    def at(self, fraction: Array) -> Array:
        """The angles at fractions [0, 1) of the range."""
        return self.low + self.width * np.asarray(fraction, dtype=np.float64)


def parse_angles(text: str) -> tuple[float, ...]:
    """The angles of a list such as ``-30,-15,15,30``, in the order given.

    Raises UsageError for anything but distinct numbers within +-180.
    """
    try:
        angles = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"--angles takes numbers parted by commas, such as -30,15; got {text!r}") from None
    return checked_angles(angles)


def checked_angles(angles: Sequence[float]) -> tuple[float, ...]:
    """The angles as a tuple. Raises UsageError if there are none, one repeats, or one is beyond +-180."""
    if not angles:
        raise UsageError("the list of angles is empty; give for example --angles -30,-15,15,30")
    for a in angles:
        if not math.isfinite(a) or abs(a) > LIMIT:
            raise UsageError(f"angle {a:g} is not a number of degrees from -180 to 180")
    if len({a % 360.0 for a in angles}) < len(angles):
        raise UsageError("the list of angles names one angle twice; each would be written to the same file")
    return tuple(float(a) for a in angles)


#: angles of one picture; each is written as a twin of the whole dataset
MOST_PER_IMAGE = 1000


@dataclass(frozen=True)
class Angles:
    """Which angles: a range with ``per_image`` draws for each picture, or a list that every picture gets.

    balance: None draws uniformly; "roll" or "pose" chooses for an even distribution. include_original: the
    unturned pictures as well. Raises UsageError for combinations that mean nothing.
    """

    span: AngleRange | None = None
    listed: tuple[float, ...] = ()
    per_image: int = 1
    balance: str | None = None
    include_original: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.span is None) == (not self.listed):
            raise UsageError("give the angles either as --range LOW HIGH or as --angles A,B,...")
        if self.listed:
            checked_angles(self.listed)
            if self.per_image != 1 or self.balance is not None:
                raise UsageError("--per-image and --balance choose from a --range; --angles are all taken")
        if not 1 <= self.per_image <= MOST_PER_IMAGE:
            raise UsageError(f"--per-image must be from 1 to {MOST_PER_IMAGE}, got {self.per_image}")
        if self.seed < 0:
            raise UsageError(f"--seed must be 0 or more, got {self.seed}")
        if self.balance is not None and self.balance not in CELLS:
            raise UsageError(f"--balance takes {' or '.join(CELLS)}, got {self.balance!r}")

    @property
    def twins(self) -> tuple[str, ...]:
        """Folder names of the twins under OUT; "" where the only one is OUT itself."""
        if self.listed:
            names = [angle_tag(a) for a in self.listed]
        else:
            digits = len(str(self.per_image))
            names = [f"turn{k + 1:0{digits}d}" for k in range(self.per_image)]
        names = ["original", *names] if self.include_original else names
        return tuple(names) if len(names) > 1 else ("",)


def uniform_angles(span: AngleRange, seed: int, sample_id: str, count: int = 1) -> Array:
    """``count`` angles of one picture, each uniform over the range.

    Several angles of one picture lie in different equal parts of the range (in random order), so that no two
    come out nearly alike, while each of them on its own stays uniform over the whole range.
    """
    dice = dice_of(seed, sample_id)
    if count == 1:
        return span.at(np.array([dice.uniform("angle/0")]))
    parts = np.argsort([dice.uniform(f"part/{k}") for k in range(count)], kind="stable")
    return span.at((parts + [dice.uniform(f"angle/{k}") for k in range(count)]) / count)


@dataclass(frozen=True)
class Drawn:
    """Draws the angle of one twin for any sample id; picklable, so that workers draw for themselves."""

    span: AngleRange
    seed: int
    number: int
    count: int

    def __call__(self, sample_id: str) -> float:
        """Degrees."""
        return float(uniform_angles(self.span, self.seed, sample_id, self.count)[self.number])


def dice_of(seed: int, sample_id: str) -> Streams:
    """The random streams that rotaug draws this picture's decisions from."""
    return Streams(seed, sample_id, scope="rotaug")


def angle_tag(theta_deg: float) -> str:
    """The name part for a listed angle: ``r+030``, ``r-007p5``; no dot, since loaders cut names at it."""
    sign = "-" if theta_deg < 0 else "+"
    text = f"{abs(theta_deg):.6f}".rstrip("0").rstrip(".")
    whole, _, part = text.partition(".")
    return f"r{sign}{int(whole):03d}" + (f"p{part}" if part else "")
