"""Finding dataset formats by name: every module of this folder that has a FORMAT, and entry points."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from ..errors import UsageError
from .base import DatasetFormat

ENTRY_POINTS = "maskgen.datasets"


def plain(name: str) -> str:
    """A name without case and punctuation: ``300W-LP``, ``300w_lp`` and ``300WLP`` are one."""
    return "".join(c for c in name.casefold() if c.isalnum())


@cache
def all_formats() -> tuple[DatasetFormat, ...]:
    """Every known format, sorted by name; a plug-in never replaces a built-in of the same name."""
    package = importlib.import_module(__package__ or "maskgen.datasets")
    found: dict[str, DatasetFormat] = {}
    for info in pkgutil.iter_modules(package.__path__):
        candidate = getattr(importlib.import_module(f"{package.__name__}.{info.name}"), "FORMAT", None)
        if isinstance(candidate, DatasetFormat):
            found[plain(candidate.name)] = candidate
    for point in entry_points(group=ENTRY_POINTS):
        plug_in = point.load()
        if not isinstance(plug_in, DatasetFormat):
            raise UsageError(
                f"entry point {point.name!r} of {ENTRY_POINTS} is no DatasetFormat; fix or uninstall it"
            )
        found.setdefault(plain(plug_in.name), plug_in)
    return tuple(sorted(found.values(), key=lambda f: f.name.casefold()))


def spellings(fmt: DatasetFormat) -> tuple[str, ...]:
    """The name and the aliases of a format."""
    return (fmt.name, *fmt.aliases)


def get_format(name: str) -> DatasetFormat:
    """The format called ``name``, whatever its case and punctuation. Raises UsageError with the names."""
    for fmt in all_formats():
        if plain(name) in map(plain, spellings(fmt)):
            return fmt
    known = ", ".join(fmt.name for fmt in all_formats())
    raise UsageError(f"unknown dataset {name!r}; known are {known} (case does not matter)")
