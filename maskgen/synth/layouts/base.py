"""What a layout of synthetic pictures must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..poses import Angles


@dataclass(frozen=True)
class Order:
    """What was asked for. poses: "like-original", "uniform", or the rows of a file. views: pictures of one
    person in a row (0: the layout's own number). twin: also write what each picture looks like with a mask,
    under this folder. styles: mask styles of the twin."""

    out: Path
    count: int
    seed: int
    poses: str | tuple[Angles, ...] = "like-original"
    views: int = 0
    twin: Path | None = None
    styles: tuple[str, ...] = ()
    detail: bool = True


class Layout(ABC):
    """One dataset's tree. Instances hold no state."""

    name: str
    #: pictures of one person in a row
    views: int = 1
    #: how many pictures its file names are enough for
    most: int = 1_000_000

    @abstractmethod
    def plan(self, order: Order) -> list[Any]:
        """One picklable job for every picture, in order; those of one person are neighbours."""

    @abstractmethod
    def prepare(self, order: Order, jobs: list[Any]) -> None:
        """Write what belongs to no single picture."""

    @abstractmethod
    def make(self, order: Order, job: Any) -> dict[str, Any]:
        """Render one picture and write its files; the record of it for the manifest."""
