"""The reading of a masked dataset before it is released: every byte hashed, every picture decoded once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..datasets.base import DatasetFormat
from ..errors import MaskgenError, UsageError
from ..io.files import sha256_file
from ..io.images import decode_image
from ..jobs import parallel
from ..jobs.outcome import Outcome
from ..sample import Entry
from .model import is_record, pixel_hash

#: (yaw, pitch, roll) in degrees
Angles = tuple[float, float, float]
_REAL = (int, float)
_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0)


@dataclass(slots=True)
class Audited:
    """What was found about one picture.

    problems: a sentence each. pixels: SHA-256 of the decoded picture, where asked for. size, image_size:
    bytes of all its dataset files, and of the picture. angles: the label's (yaw, pitch, roll) in degrees.
    """

    id: str
    problems: tuple[str, ...] = ()
    pixels: str | None = None
    size: int = 0
    image_size: int = 0
    angles: Angles | None = None


@dataclass(frozen=True)
class AuditOne:
    """Callable on (outcome, entry or None); picklable, raises for no bad picture."""

    fmt: DatasetFormat
    root: Path
    pixels: bool

    def __call__(self, item: tuple[Outcome, Entry | None]) -> Audited:
        """Hash every file of the picture and compare; decode the picture where asked for."""
        outcome, entry = item
        problems: list[str] = []
        pixels, size, image_size, root = None, 0, 0, os.fspath(self.root)
        for name, known in outcome.files.items():
            try:
                data = _content(f"{root}/{name}")
            except OSError as error:
                problems.append(f"{name} cannot be read ({error.strerror or error})")
                continue
            if hashlib.sha256(data).hexdigest() != known:
                problems.append(f"{name} is not the file that was written (SHA-256 differs)")
            if name == outcome.output:
                size, image_size = size + len(data), len(data)
                pixels = self._pixels(name, data, problems) if self.pixels else None
            elif not is_record(name):
                size += len(data)
        angles = _measured(outcome.numbers) or self._labelled(entry, problems)
        return Audited(outcome.id, tuple(problems), pixels, size, image_size, angles)

    def _pixels(self, name: str, data: bytes, problems: list[str]) -> str | None:
        try:
            return pixel_hash(decode_image(data, name))
        except MaskgenError as error:
            problems.append(str(error))
            return None

    def _labelled(self, entry: Entry | None, problems: list[str]) -> Angles | None:
        if entry is None:
            return None
        try:
            return self.fmt.read(self.root, entry).label_angles
        except MaskgenError as error:
            problems.append(str(error))
            return None


def _content(path: str) -> bytes:
    """A whole file by few calls of the system: for small pictures they cost as much as hashing."""
    handle = os.open(path, _READING)
    try:
        size = os.fstat(handle).st_size
        # one byte more than it has, so that a file that is growing is not taken for a whole one; and no more,
        # for room that is not filled costs three times the reading
        data = os.read(handle, size + 1)
        if len(data) == size:
            return data
    finally:
        os.close(handle)
    return Path(path).read_bytes()


def _measured(numbers: Mapping[str, Any]) -> Angles | None:
    """The label's angles as apply wrote them down, or None."""
    yaw, pitch, roll = numbers.get("yaw"), numbers.get("pitch"), numbers.get("roll")
    if isinstance(yaw, _REAL) and isinstance(pitch, _REAL) and isinstance(roll, _REAL):
        return float(yaw), float(pitch), float(roll)
    return None


@dataclass
class Audit:
    """The whole: by id what was found, and the shared files' problems."""

    found: dict[str, Audited] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    shared_size: int = 0

    @property
    def image_bytes(self) -> int:
        """Bytes of all pictures."""
        return sum(a.image_size for a in self.found.values())


def audit(
    fmt: DatasetFormat,
    root: Path,
    outcomes: Sequence[Outcome],
    shared: Mapping[str, str],
    *,
    pixels: bool,
    jobs: int = 1,
) -> Audit:
    """Read every file once. Raises UsageError where nothing at all was written."""
    written = [o for o in outcomes if o.output is not None]
    if not written:
        raise UsageError(f"{root} holds no picture that was written; there is nothing to release")
    unmeasured = any(o.numbers.get("yaw") is None for o in written)
    # the folder is listed only where labels must be read: the listing costs as much as hashing small files
    entries = {entry.id: entry for entry in fmt.index(root)} if unmeasured else {}
    items = ((o, entries.get(o.id)) for o in written)
    result = Audit()
    jobs = parallel.resolve_jobs(jobs)
    for one in parallel.stream(AuditOne(fmt, root, pixels), items, jobs=jobs, total=len(written)):
        result.found[one.id] = one
    for name, known in shared.items():
        path = root / name
        if not path.is_file() or sha256_file(path) != known:
            result.problems.append(f"{name} is not the file that was written")
        else:
            result.shared_size += path.stat().st_size
    return result


def outcomes_of_plain(fmt: DatasetFormat, root: Path) -> Iterator[Outcome]:
    """Outcomes of a dataset that keeps no manifest (one of maskgen synth): its files as they are."""
    for entry in fmt.index(root):
        files = {str(name): sha256_file(root / name) for name in (entry.image, *entry.labels)}
        yield Outcome(entry.id, "ok", str(entry.image), output=str(entry.image), files=files)
