"""Say what differs between a release and what was made or found: source, draw, paint or codec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import MaskgenError
from ..io.files import sha256_file
from ..io.images import read_image
from ..jobs.outcome import Outcome
from .model import pixel_hash

#: causes, the first that applies is named: everything after it follows from it
CAUSES: Mapping[str, str] = {
    "original missing": "not among the originals",
    "source changed": "the original is another file",
    "draw differs": "other values were drawn",
    "label differs": "a label or side file came out otherwise",
    "status differs": "painted here and not there, or the reverse",
    "output differs": "other pixels were painted or decoded",
    "codec differs": "the same pixels in other bytes",
    "file missing": "not in the folder",
    "file changed": "another file than the release's",
    "shared file": "a file of no single picture",
    "release damaged": "the release is not the one that was published",
}


@dataclass(frozen=True)
class Difference:
    """One picture (or file) that is not as the release says."""

    id: str
    cause: str
    text: str


@dataclass
class Comparison:
    """The end of a rebuild or a verification. notes: what is other here without being a difference yet."""

    total: int = 0
    identical: int = 0
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every byte is the release's."""
        return not self.differences

    def add(self, found: Difference | None) -> None:
        """Count one picture."""
        self.total += 1
        self.identical += found is None
        if found is not None:
            self.differences.append(found)

    def text(self, most: int = 20) -> str:
        """For people: counts, causes, and the first pictures by name."""
        lines = [f"{self.identical} of {self.total} images are identical to the release"]
        lines += [f"note: {note}" for note in self.notes]
        for cause, count in Counter(d.cause for d in self.differences).most_common():
            lines.append(f"  {count:6d}  {cause}: {CAUSES[cause]}")
        lines += [f"    {d.id}: {d.cause}: {d.text}" for d in self.differences[:most]]
        if len(self.differences) > most:
            lines.append(f"    ... and {len(self.differences) - most} more")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        differing = [{"id": d.id, "cause": d.cause, "text": d.text} for d in self.differences]
        return {
            "total": self.total,
            "identical": self.identical,
            "notes": self.notes,
            "differences": differing,
        }


def compare_sources(known: Outcome, made: Outcome, root: Path) -> Difference | None:
    """Whether the same originals were read. Files that were not read are looked at on disk."""
    for name, value in known.sources.items():
        found = made.sources.get(name)
        if found is None:
            path = root / name
            if not path.is_file():
                return Difference(known.id, "original missing", f"{name} is not there")
            try:
                found = sha256_file(path)
            except OSError as error:
                return Difference(known.id, "original missing", f"{name}: {error.strerror or error}")
        if found != value:
            return Difference(
                known.id, "source changed", f"{name} has SHA-256 {found[:12]}, not {value[:12]}"
            )
    return None


def compare_outcome(
    known: Outcome, made: Outcome, root: Path, out: Path, pixels: str | None, libraries: str
) -> Difference | None:
    """What differs between a line of the release and its rebuilding, or None where every byte agrees.

    pixels: the release's hash of the decoded picture. libraries: how the versions differ, for the message.
    """
    found = compare_sources(known, made, root)
    if found is not None:
        return found
    if _draw(known) != _draw(made):
        keys = sorted(k for k in {*_draw(known), *_draw(made)} if _draw(known).get(k) != _draw(made).get(k))
        text = f"{', '.join(keys)} (another recipe, seed or version of maskgen)"
        return Difference(known.id, "draw differs", text)
    if (known.output is None) != (made.output is None):
        text = "; ".join(made.reasons) if made.output is None else "the release left it out"
        return Difference(known.id, "status differs", text)
    return _compare_files(known, made, out, pixels, libraries)


def _draw(outcome: Outcome) -> Mapping[str, Any]:
    return outcome.draw or {}


def _compare_files(
    known: Outcome, made: Outcome, out: Path, pixels: str | None, libraries: str
) -> Difference | None:
    differing = [n for n in {**known.files, **made.files} if known.files.get(n) != made.files.get(n)]
    if not differing:
        return None
    if known.output not in differing:
        return Difference(known.id, "label differs", f"{', '.join(sorted(differing))}{libraries}")
    return picture_difference(known, out, pixels, libraries)


def picture_difference(known: Outcome, out: Path, pixels: str | None, libraries: str) -> Difference:
    """A picture whose bytes differ: are its pixels the same, so that the encoder alone was another?"""
    if pixels is None:
        text = f"{known.output}; the release has no pixel hash to tell paint from codec{libraries}"
        return Difference(known.id, "output differs", text)
    try:
        now = pixel_hash(read_image(out / str(known.output)))
    except MaskgenError as error:
        return Difference(known.id, "file changed", str(error))
    if now == pixels:
        return Difference(known.id, "codec differs", f"{known.output}{libraries}")
    return Difference(known.id, "output differs", f"{known.output}{libraries}")


def version_notes(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Libraries whose versions are others than the release's."""
    return [
        f"{name} {then.get(name, 'none')} there, {now.get(name, 'none')} here"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]


def walk_together(
    known: Iterable[Outcome], made: Iterable[Outcome]
) -> Iterator[tuple[Outcome, Outcome | None]]:
    """Every line of the release with its rebuilt line; both are in sample order."""
    rest = iter(made)
    current = next(rest, None)
    for line in known:
        while current is not None and current.id < line.id:
            current = next(rest, None)
        yield line, current if current is not None and current.id == line.id else None
