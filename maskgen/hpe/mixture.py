"""Data expressions: ``300W-LP + 300W-LP_masked*0.5 + BIWI_rotated@biwi-video:train``.

A term is a dataset's name, the name of a generated twin (the source's name and a suffix), or a folder;
``*w`` draws w times its pictures per epoch (0.5: another half each epoch; 2: each twice), and ``@LIST:PART``
keeps the pictures of a split list. Names with blanks or plus signs go in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..datasets import DatasetFormat, all_formats, locate, recognise
from ..datasets.locate import places
from ..datasets.registry import plain, spellings
from ..errors import DatasetNotFound, UsageError
from ..jobs.manifest import read_manifest
from ..sample import Entry
from .selection import Selection, load_selection

_TERM = re.compile(
    r"""\s*(?:(?P<before>\d+(?:\.\d+)?)\s*\*\s*)?
    (?:"(?P<quoted>[^"]+)"|(?P<plain>[^\s*@+"]+))
    (?:@(?P<selection>[^\s*+]+))?
    (?:\s*\*\s*(?P<after>\d+(?:\.\d+)?))?\s*""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Term:
    """One summand as written: dataset or folder, weight per epoch, and the split it is cut down to."""

    dataset: str
    weight: float = 1.0
    selection: str | None = None


@dataclass(frozen=True)
class Source:
    """A term with its folder and format found. name: how tables call it."""

    name: str
    root: Path
    format: DatasetFormat
    weight: float = 1.0
    selection: Selection | None = None

    def entries(self) -> Iterator[Entry]:
        """All pictures of the dataset that can be used, in index order, whatever the selection.

        In a generated dataset those that its manifest calls failed or skipped are left out: their pictures,
        where they exist, are not what the dataset's name promises.
        """
        unusable = _unusable(self.root)
        return (e for e in self.format.index(self.root) if e.id not in unusable)

    def selects(self, entry: Entry) -> bool:
        """Whether the split list, if there is one, holds the picture."""
        return self.selection is None or self.selection.holds(entry.id, self.format.group(entry))


def parse(expression: str) -> list[Term]:
    """The terms of an expression, in order. Raises UsageError showing the place that cannot be read."""
    terms: list[Term] = []
    position = 0
    while True:
        match = _TERM.match(expression, position)
        if match is None:
            raise UsageError(
                f"data expression {expression!r} cannot be read at {expression[position:]!r}; "
                "write NAME, NAME*0.5 or NAME@LIST:PART, joined by +"
            )
        weights = [float(w) for w in (match["before"], match["after"]) if w is not None]
        weight = weights[0] * weights[-1] if len(weights) == 2 else (weights or [1.0])[0]
        if weight <= 0.0:
            raise UsageError(f"the weight in {match[0].strip()!r} must be above 0; or leave the term out")
        terms.append(Term(match["quoted"] or match["plain"], weight, match["selection"]))
        position = match.end()
        if position == len(expression):
            return terms
        if expression[position] != "+":
            raise UsageError(
                f"data expression {expression!r} cannot be read at {expression[position:]!r}; "
                "terms are joined by +"
            )
        position += 1


def resolve(expression: str, root: str | Path | None = None) -> list[Source]:
    """The sources of an expression. root: a folder to look for names in, before the usual places.

    Raises UsageError for a bad expression or a root that is no folder, and DatasetNotFound for a dataset that
    is nowhere.
    """
    if root is not None and not Path(root).expanduser().is_dir():
        raise UsageError(
            f"no folder {root} (data.root, --root); it must be the folder that holds the datasets"
        )
    sources = []
    for term in parse(expression):
        folder, fmt = find(term.dataset, root)
        selection = load_selection(term.selection) if term.selection else None
        name = folder.name if Path(term.dataset).expanduser().is_dir() else term.dataset
        sources.append(Source(name, folder, fmt, term.weight, selection))
    return sources


def find(name: str, root: str | Path | None = None) -> tuple[Path, DatasetFormat]:
    """Folder and format of a dataset named, or given as a folder. Raises DatasetNotFound."""
    given = Path(name).expanduser()
    if given.is_dir():
        fmt = recognise(given)
        if fmt is not None:
            return given, fmt
        inner = [d for d in sorted(given.iterdir()) if d.is_dir() and recognise(d)]
        if len(inner) == 1:
            return inner[0], recognise(inner[0])  # type: ignore[return-value]
        raise DatasetNotFound(f"the folder {name} holds no known dataset; pass the dataset's own folder")
    looked = [Path(root).expanduser()] if root is not None else []
    looked += [p for p in places() if p not in looked]
    for place in looked:
        for folder in _subfolders(place):
            if plain(folder.name) == plain(name):
                fmt = recognise(folder)
                if fmt is not None:
                    return folder, fmt
    base = _base_format(name)
    if base is None:
        known = ", ".join(f.name for f in all_formats())
        raise DatasetNotFound(f"no dataset or folder {name!r}; known are {known}, and twins of them")
    fmt, suffix = base
    if not suffix:
        try:
            return locate(fmt.name, _containing(fmt, root)), fmt
        except DatasetNotFound as error:
            if root is None:
                raise
            raise DatasetNotFound(f"{root} (data.root, --root) holds no {fmt.name}, and {error}") from error
    raise DatasetNotFound(
        f"no folder {name!r} in {', '.join(map(str, looked))}; generate it first, or give its path"
    )


def _containing(fmt: DatasetFormat, root: str | Path | None) -> Path | None:
    """``root`` if the dataset is in it, else None: the usual places are then searched, with their message."""
    if root is None:
        return None
    folder = Path(root).expanduser()
    known = {plain(s) for s in spellings(fmt)}
    here = fmt.recognises(folder) or any(plain(d.name) in known for d in _subfolders(folder))
    return folder if here else None


def _subfolders(place: Path) -> list[Path]:
    try:
        return sorted(p for p in place.iterdir() if p.is_dir())
    except OSError:
        return []


def _base_format(name: str) -> tuple[DatasetFormat, str] | None:
    """The dataset a twin's name begins with, and the rest: "BIWI_masked" -> (BIWI, "masked")."""
    best: tuple[DatasetFormat, str] | None = None
    for fmt in all_formats():
        for spelling in map(plain, spellings(fmt)):
            rest = plain(name).removeprefix(spelling)
            if plain(name).startswith(spelling) and (best is None or len(rest) < len(best[1])):
                best = (fmt, rest)
    return best


def _unusable(root: Path) -> frozenset[str]:
    try:
        return frozenset(o.id for o in read_manifest(root) if o.status in ("failed", "skipped"))
    except FileNotFoundError:
        return frozenset()
    except ValueError as error:
        raise UsageError(f"{root}: {error}; run maskgen validate on it") from error
