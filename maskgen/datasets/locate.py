"""Where is the data? ``--root``, else $MASKGEN_DATA, else the working folder and ./data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetNotFound
from .base import DatasetFormat
from .registry import all_formats, get_format, plain, spellings

VARIABLE = "MASKGEN_DATA"


@dataclass(frozen=True)
class Found:
    """One place that was looked at for one dataset; `root` is None where nothing was there."""

    format: DatasetFormat
    place: Path
    root: Path | None


def places() -> tuple[Path, ...]:
    """The folders that are searched for folders named after a dataset, in order."""
    home = os.environ.get(VARIABLE)
    return (*([Path(home).expanduser()] if home else []), Path("."), Path("data"))


def search(fmt: DatasetFormat) -> Iterator[Found]:
    """Every place that was tried for a dataset, best first."""
    for place in places():
        named = _folders_named_after(fmt, place)
        for folder in named:
            yield Found(fmt, folder, _root_at(fmt, folder))
        if not named:
            yield Found(fmt, place / fmt.name, None)


def locate(name: str, root: Path | str | None = None) -> Path:
    """The root folder of the dataset called ``name``.

    ``root`` wins when given: that folder, or a folder in it named after the dataset. Else the first of
    $MASKGEN_DATA/<name>, ./<name> and ./data/<name> that holds it, under any spelling of the name.
    Raises DatasetNotFound, saying where it looked and what to do, and UsageError for an unknown name.
    """
    fmt = get_format(name)
    if root is not None:
        given = Path(root).expanduser()
        if not given.is_dir():
            raise DatasetNotFound(f"{given}: no such folder; --root must be the folder that holds {fmt.name}")
        found = _root_at(fmt, given)
        if found is None:
            other = recognise(given)
            hint = f"; it looks like {other.name}" if other else ""
            raise DatasetNotFound(f"{given}: holds no {fmt.name} files{hint}; expected {layout(fmt)}")
        return found
    looked = []
    for place in search(fmt):
        if place.root is not None:
            return place.root
        looked.append(str(place.place))
    unset = "" if os.environ.get(VARIABLE) else f", or set {VARIABLE} to the folder above it"
    raise DatasetNotFound(
        f"{fmt.name} was not found in {', '.join(looked)}; pass --root FOLDER{unset} ({fmt.card.homepage})"
    )


def find_dataset(name: str | None, root: Path | None) -> tuple[DatasetFormat, Path]:
    """The dataset of that name and root, and its root folder; without a name, what lies in the folder.

    The folder is the current one where ``root`` is None. Raises DatasetNotFound, saying where it looked.
    """
    if name is not None:
        return get_format(name), locate(name, root)
    folder = root if root is not None else Path(".")
    if not folder.is_dir():
        raise DatasetNotFound(f"{folder}: no such folder; --root must be the folder that holds the dataset")
    found = recognise(folder)
    if found is None:
        where = str(folder) if root is not None else "the current folder"
        names = ", ".join(fmt.name for fmt in all_formats())
        raise DatasetNotFound(
            f"no dataset recognised in {where}; go into one, or name it by --dataset NAME ({names}) and its "
            "folder by --root (maskgen datasets lists what is found)"
        )
    return found, folder


def layout(fmt: DatasetFormat) -> str:
    """What a root folder of the dataset looks like, for messages."""
    return fmt.layout or f"the layout of {fmt.name}"


def recognise(folder: Path | str) -> DatasetFormat | None:
    """The format whose files lie in ``folder``, or None; cheap, and never raises on odd content."""
    return next((fmt for fmt in all_formats() if fmt.recognises(Path(folder))), None)


def _root_at(fmt: DatasetFormat, folder: Path, depth: int = 2) -> Path | None:
    """The folder, or one named after the dataset inside it, twice if need be: archives bring their own."""
    if fmt.recognises(folder):
        return folder
    inside = _folders_named_after(fmt, folder) if depth else []
    return next((r for r in (_root_at(fmt, f, depth - 1) for f in inside) if r is not None), None)


def _folders_named_after(fmt: DatasetFormat, place: Path) -> list[Path]:
    try:
        listing = sorted(os.scandir(place), key=lambda entry: entry.name, reverse=True)
        folders = {plain(entry.name): place / entry.name for entry in listing if entry.is_dir()}
    except OSError:
        return []
    return [folders[key] for key in map(plain, spellings(fmt)) if key in folders]
