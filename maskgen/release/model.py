"""What a release is on disk, and how it is read back: release.json, manifest, pixel hashes, SHA256SUMS."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ..errors import UsageError
from ..io.files import safe_relative, sha256_file
from ..io.images import SourceImage
from ..jobs.outcome import Outcome
from ..jobs.output import RECORDS
from .archive import ArchiveError, find_archive, read_archive

#: version of the files' meaning; a reader refuses a newer one
SCHEMA = 1
RELEASE, MANIFEST, PIXELS, SUMS = "release.json", "manifest.jsonl", "pixels.sha256", "SHA256SUMS"
CHANGES = "CHANGELOG.md"
#: what must be read to rebuild and to go on from; everything else is for people and other programs
_NEEDED = (RELEASE, MANIFEST, f"{MANIFEST}.gz", PIXELS, SUMS, CHANGES)
_RECORDS = f"{RECORDS}/"
_KINDS: Mapping[str, type] = {
    "schema": int, "dataset": str, "recipe": dict, "shared": dict, "versions": dict, "counts": dict,
}  # fmt: skip
_WORDS = {int: "whole number", str: "text", dict: "object"}
#: what is in every name that `safe_relative` refuses, where names stand in a line each
_SUSPECT = ("..", "\\", "\0", ":", "\n/", "\n.", "\n\n")
#: a manifest, half of it hashes, packs to a third; a packed one may be so many times larger when unpacked
_SMALL, _RATIO = 1 << 24, 40
#: a manifest has about 1.2 kB a picture: this is room for a hundred times the largest dataset
_LARGEST = 1 << 34


@dataclass(frozen=True)
class Release:
    """A release that was read. info: release.json. pixels: SHA-256 of decoded pixels by picture.

    damaged: one sentence for every file of it that is not the one in its SHA256SUMS. history: CHANGELOG.md.
    """

    where: Path
    info: Mapping[str, Any]
    outcomes: tuple[Outcome, ...]
    pixels: Mapping[str, str] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    history: str = ""

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
        info = check_info(json.loads(files[RELEASE]))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: {RELEASE} is damaged ({error}); get the release again") from error
    if info["schema"] > SCHEMA:
        raise UsageError(
            f"{where} has schema {info['schema']} and this maskgen reads {SCHEMA}: upgrade maskgen"
        )
    try:
        outcomes = tuple(check_outcome(o) for o in parse_manifest(_manifest_text(files)))
        pixels = dict(parse_sums(files.get(PIXELS, b"").decode()))
        check_names(outcomes, info["shared"])
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise UsageError(f"{where}: {MANIFEST} is damaged ({error}); get the release again") from error
    history = files.get(CHANGES, b"").decode("utf-8", "replace")
    return Release(where, info, outcomes, pixels, damaged, history)


def check_info(info: Any) -> dict[str, Any]:
    """release.json as it must be for everything that reads it. Raises ValueError naming the wrong part."""
    if not isinstance(info, dict):
        raise ValueError("it is no object")
    for key, kind in _KINDS.items():
        value = info.setdefault(key, {}) if kind is dict and key != "recipe" else info.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{key!r} is missing or no {_WORDS[kind]}")
    texts = [*info["versions"].values(), *info["shared"].values()]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a version or a hash is no text")
    return info


def check_outcome(outcome: Outcome) -> Outcome:
    """A manifest's line as it must be for everything that reads it. Raises ValueError."""
    texts = (outcome.id, outcome.source, outcome.output or "", *outcome.reasons)
    tables = (outcome.sources, outcome.files, outcome.numbers, outcome.draw or {})
    if not all(isinstance(t, str) for t in texts) or not all(isinstance(t, dict) for t in tables):
        raise ValueError(f"the line of {str(outcome.id)[:80]!r} holds values of another kind")
    hashes = (*outcome.sources.values(), *outcome.files.values())
    if not all(isinstance(value, str) for value in hashes):
        raise ValueError(f"the line of {outcome.id[:80]!r} holds a hash that is no text")
    return outcome


def check_names(outcomes: Iterable[Outcome], shared: Iterable[str]) -> None:
    """Refuse paths that would leave the folders they are read from or written to. Raises UsageError."""
    names = [name for o in outcomes for name in (*o.sources, *o.files, o.source, o.output or o.source)]
    names += shared
    # a release names a million paths: a few searches over all of them, and a look at each only on suspicion
    lines = "\n".join(["", *names, ""])
    if any(mark in lines for mark in _SUSPECT):
        for name in names:
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
    try:
        for name, known in parse_sums(files.get(SUMS, b"").decode()):
            if hashes.get(name) != known:
                damaged.append(f"{name} of the release {'was changed' if name in hashes else 'is missing'}")
    except ValueError as error:
        damaged.append(f"{SUMS} is damaged ({error})")
    if SUMS not in files:
        damaged.append(f"{SUMS} is missing, so the release itself cannot be checked")
    return files, tuple(damaged)


def parse_manifest(text: str) -> Iterator[Outcome]:
    """The lines of a manifest. Raises ValueError with the number of one that is none."""
    # not splitlines: it also cuts at U+2028 and its like, which names may hold
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        try:
            yield Outcome.from_line(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error


def _manifest_text(files: Mapping[str, bytes]) -> str:
    packed = files.get(f"{MANIFEST}.gz")
    if packed is None and MANIFEST not in files:
        raise ValueError("it is missing")
    return (files[MANIFEST] if packed is None else _unzipped(packed)).decode("utf-8")


def _unzipped(packed: bytes) -> bytes:
    most = max(_SMALL, _RATIO * len(packed))
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it unpacks to more than {_RATIO} times its size; refused as a bomb")
    return data


def is_record(name: str) -> bool:
    """Whether a path belongs to the records and layers, not to the dataset itself."""
    return name.startswith(_RECORDS)


def dataset_files(outcomes: Iterable[Outcome], shared: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 by path of every file of the dataset proper: pictures, labels, shared files."""
    found = {n: h for o in outcomes for n, h in o.files.items() if not n.startswith(_RECORDS)}
    found |= shared
    return {name: found[name] for name in sorted(found)}


def content_hash(outcomes: Iterable[Outcome], shared: Mapping[str, str]) -> str:
    """One hash for the bytes of a whole dataset: SHA-256 of its files' sorted "hash  path" lines."""
    return hashlib.sha256(sums_text(dataset_files(outcomes, shared).items()).encode()).hexdigest()


def json_text(value: Any) -> str:
    """A plain value as JSON that people can read, newline included."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


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
