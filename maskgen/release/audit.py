"""The reading of a masked dataset before it is released: every byte hashed, every picture decoded once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..datasets.base import DatasetFormat
from ..errors import MaskgenError, UsageError
from ..io.files import sha256_bytes, sha256_file
from ..io.images import decode_image
from ..jobs import parallel
from ..jobs.outcome import Outcome
from ..sample import Entry
from .model import is_record, pixel_hash


@dataclass(frozen=True)
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
    angles: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class AuditOne:
    """Callable on (outcome, entry or None); picklable, raises for no bad picture."""

    fmt: DatasetFormat
    root: Path
    pixels: bool

    def __call__(self, item: tuple[Outcome, Entry | None]) -> Audited:
        """Hash every file of the picture and compare; decode the picture where asked for."""
        outcome, entry = item
        problems, pixels, size, image_size = [], None, 0, 0
        for name, known in outcome.files.items():
            try:
                # a plain string and no buffer: for small pictures the path costs as much as the hash
                with open(f"{self.root}/{name}", "rb", buffering=0) as stream:
                    data = stream.readall()
            except OSError as error:
                problems.append(f"{name} cannot be read ({error.strerror or error})")
                continue
            if sha256_bytes(data) != known:
                problems.append(f"{name} is not the file that was written (SHA-256 differs)")
            if not is_record(name):
                size += len(data)
            if name == outcome.output:
                image_size = len(data)
                pixels = self._pixels(name, data, problems)
        return Audited(
            outcome.id, tuple(problems), pixels, size, image_size, self._angles(outcome, entry, problems)
        )

    def _pixels(self, name: str, data: bytes, problems: list[str]) -> str | None:
        if not self.pixels:
            return None
        try:
            return pixel_hash(decode_image(data, name))
        except MaskgenError as error:
            problems.append(str(error))
            return None

    def _angles(
        self, outcome: Outcome, entry: Entry | None, problems: list[str]
    ) -> tuple[float, float, float] | None:
        numbers = [outcome.numbers.get(axis) for axis in ("yaw", "pitch", "roll")]
        if all(isinstance(n, int | float) for n in numbers):
            return (float(numbers[0]), float(numbers[1]), float(numbers[2]))  # type: ignore[arg-type]
        if entry is None:
            return None
        try:
            return self.fmt.read(self.root, entry).label_angles
        except MaskgenError as error:
            problems.append(str(error))
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

    @property
    def all_problems(self) -> list[str]:
        """Every sentence."""
        return self.problems + [p for a in self.found.values() for p in a.problems]


def audit(
    fmt: DatasetFormat,
    root: Path,
    outcomes: Sequence[Outcome],
    entries: Mapping[str, Entry],
    shared: Mapping[str, str],
    *,
    pixels: bool,
    jobs: int = 1,
) -> Audit:
    """Read every file once. Raises UsageError where nothing at all was written."""
    written = [o for o in outcomes if o.output is not None]
    if not written:
        raise UsageError(f"{root} holds no picture that was written; there is nothing to release")
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
