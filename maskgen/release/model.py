"""What a release is on disk, and how it is read back: release.json, manifest, pixel hashes, SHA256SUMS."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UsageError
from ..io.files import safe_relative, sha256_file
from ..io.images import SourceImage
from ..jobs.outcome import Outcome
from ..jobs.output import RECORDS
from .archive import ArchiveError, find_archive, read_archive

#: version of the files' meaning; a reader refuses a newer one
SCHEMA = 1
RELEASE, MANIFEST, PIXELS, SUMS = "release.json", "manifest.jsonl", "pixels.sha256", "SHA256SUMS"
#: what must be read to rebuild; everything else in a release is for people and other programs
_NEEDED = (RELEASE, MANIFEST, f"{MANIFEST}.gz", PIXELS, SUMS)
#: a manifest has about 1.2 kB a picture: this is room for a hundred times the largest dataset
_LARGEST = 1 << 34


@dataclass(frozen=True)
class Release:
    """A release that was read. info: release.json. pixels: SHA-256 of decoded pixels by picture.

    damaged: one sentence for every file of it that is not the one in its SHA256SUMS.
    """

    where: Path
    info: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    pixels: Mapping[str, str] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()

    @property
    def dataset(self) -> str:
        """Canonical name of the dataset."""
        return str(self.info["dataset"])

    @property
    def recipe(self) -> dict[str, Any]:
        """Every option that decided the bytes."""
        return dict(self.info["recipe"])


def open_release(where: Path) -> Release:
    """Read a release: its folder, or its archive (or the first of its parts), which is not unpacked.

    Raises UsageError for what is none, is damaged beyond reading, or comes from a newer program.
    """
    files, damaged = _folder(where) if (where / RELEASE).is_file() else _archived(where)
    try:
        info = json.loads(files[RELEASE])
        schema = int(info["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{where}: {RELEASE} is damaged ({error}); get the release again") from error
    if schema > SCHEMA:
        raise UsageError(f"{where} has schema {schema} and this maskgen reads {SCHEMA}: upgrade maskgen")
    try:
        outcomes = tuple(_lines(files))
        pixels = dict(parse_sums(files.get(PIXELS, b"").decode()))
        check_names(outcomes, info)
    except (ValueError, EOFError, OSError) as error:
        raise UsageError(f"{where}: {MANIFEST} is damaged ({error}); get the release again") from error
    return Release(where, info, outcomes, pixels, damaged)


def check_names(outcomes: Iterable[Outcome], info: Mapping[str, Any]) -> None:
    """Refuse paths that would leave the folders they are read from or written to. Raises UsageError."""
    for outcome in outcomes:
        for name in (*outcome.sources, *outcome.files, *([outcome.output] if outcome.output else [])):
            safe_relative(name)
    for name in info.get("shared", {}):
        safe_relative(name)


def _folder(where: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    files = {name: (where / name).read_bytes() for name in _NEEDED if (where / name).is_file()}
    return files, tuple(check_sums(where))


def _archived(where: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    archive = find_archive(where)
    if archive is None:
        raise UsageError(f"{where} is no release: it holds no {RELEASE} and is no archive of one")
    files: dict[str, bytes] = {}
    hashes: dict[str, str] = {}
    try:
        for name, data in read_archive(archive, largest=_LARGEST):
            hashes[name] = hashlib.sha256(data).hexdigest()
            if name in _NEEDED:
                files[name] = data
    except ArchiveError as error:
        raise UsageError(str(error)) from error
    if RELEASE not in files:
        raise UsageError(f"{archive} holds no {RELEASE}; it is no release of maskgen package")
    damaged = []
    for name, known in parse_sums(files.get(SUMS, b"").decode()):
        if hashes.get(name) != known:
            damaged.append(f"{name} of the release {'was changed' if name in hashes else 'is missing'}")
    return files, tuple(damaged)


def _lines(files: Mapping[str, bytes]) -> Iterator[Outcome]:
    packed = files.get(f"{MANIFEST}.gz")
    data = files[MANIFEST] if packed is None else _unzipped(packed)
    for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
        try:
            yield Outcome.from_line(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error


def _unzipped(packed: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        data = stream.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError("unpacks to more than any manifest has")
    return data


def is_record(name: str) -> bool:
    """Whether a path belongs to the records and layers, not to the dataset itself."""
    return name.split("/", 1)[0] == RECORDS


def dataset_files(outcomes: Iterable[Outcome], shared: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 by path of every file of the dataset proper: pictures, labels, shared files."""
    found = {n: h for o in outcomes for n, h in o.files.items() if not is_record(n)}
    return dict(sorted((found | dict(shared)).items()))


def content_hash(outcomes: Iterable[Outcome], shared: Mapping[str, str]) -> str:
    """One hash for the bytes of a whole dataset: SHA-256 of its files' sorted "hash  path" lines."""
    return hashlib.sha256(sums_text(dataset_files(outcomes, shared).items()).encode()).hexdigest()


def sums_text(rows: Iterable[tuple[str, str]]) -> str:
    """(path, SHA-256) rows in the form of sha256sum."""
    return "".join(f"{value}  {name}\n" for name, value in rows)


def parse_sums(text: str) -> Iterator[tuple[str, str]]:
    """Read `sums_text` back. Raises ValueError for another form."""
    for line in text.splitlines():
        value, gap, name = line.partition("  ")
        if len(value) != 64 or not gap or not name:
            raise ValueError(f"not a line of SHA256SUMS: {line[:80]!r}")
        yield name, value


def write_sums(folder: Path) -> None:
    """SHA256SUMS over every other file of a folder, sorted; `sha256sum -c SHA256SUMS` reads it."""
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    rows = [(name, sha256_file(folder / name)) for name in files if name != SUMS]
    (folder / SUMS).write_text(sums_text(rows), encoding="utf-8", newline="\n")


def check_sums(folder: Path) -> Iterator[str]:
    """One sentence for every file of a release that is missing or was changed."""
    if not (folder / SUMS).is_file():
        yield f"{SUMS} is missing, so the release itself cannot be checked"
        return
    try:
        rows = list(parse_sums((folder / SUMS).read_text(encoding="utf-8")))
    except ValueError as error:
        yield f"{SUMS} is damaged ({error})"
        return
    for name, known in rows:
        path = folder / safe_relative(name)
        if not path.is_file():
            yield f"{name} of the release is missing"
        elif sha256_file(path) != known:
            yield f"{name} of the release was changed"


def pixel_hash(image: SourceImage) -> str:
    """SHA-256 of what a picture shows: sizes, then pixels BGR row by row, then its alpha and deep planes."""
    digest = hashlib.sha256()
    for plane in (image.bgr, image.alpha, image.deep):
        if plane is not None:
            little = plane.astype(plane.dtype.newbyteorder("<"), copy=False)
            digest.update(f"{'x'.join(map(str, plane.shape))} {plane.dtype.name}\n".encode())
            digest.update(np.ascontiguousarray(little).data)
    return digest.hexdigest()
