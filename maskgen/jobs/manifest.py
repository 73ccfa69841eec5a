"""The record of a run: manifest.jsonl (one line per input, in sample order), run.json and the journal.

OUT/_maskgen/run.json         what was run: versions, options, hashes, counts, timing, chain of parents
OUT/_maskgen/manifest.jsonl   one Outcome per input; there once the run is complete
OUT/_maskgen/journal/         the lines of a run that is not complete; resuming reads them
OUT/_maskgen/chain/           manifests of the runs that made the input, oldest first
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from .. import __version__
from ..io.files import atomic_write, sha256_file
from .outcome import Outcome
from .output import RECORDS, read_run

#: libraries whose version may change the bytes of an output
PINNED = ("numpy", "opencv-python", "opencv-python-headless", "pillow", "scipy", "numba")


def versions() -> dict[str, str]:
    """Versions of the program, Python and every library that can change an output's bytes."""
    found = {"maskgen": __version__, "python": platform.python_version()}
    for name in PINNED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def digest(value: Any) -> str:
    """SHA-256 of a plain value in its canonical JSON form (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def write_run(out: Path, run: Mapping[str, Any]) -> None:
    """Write run.json atomically, readable by people and programs."""
    text = json.dumps(run, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    atomic_write(out / RECORDS / "run.json", text.encode())


def read_manifest(out: Path) -> Iterator[Outcome]:
    """The outcomes of a complete run, in sample order, one at a time.

    Raises FileNotFoundError where there is none and ValueError (with the line's number) for a broken line.
    """
    with (out / RECORDS / "manifest.jsonl").open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield Outcome.from_line(line)
            except ValueError as error:
                raise ValueError(f"manifest.jsonl, line {number}: {error}") from error


def inherit_chain(root: Path, out: Path) -> list[dict[str, Any]]:
    """Who made the input: the chain of its own run.json plus that run; manifests are copied to chain/.

    Returns [] for an original dataset. Each link holds tool, version, dataset, recipe, manifest_sha256 and
    the name of the copied manifest (None where the parent never finished).
    """
    parent = read_run(root)
    if parent is None:
        return []
    chain = [dict(link) for link in parent.get("chain", [])]
    target = out / RECORDS / "chain"
    for link in chain:
        if link.get("manifest"):
            _copy(root / RECORDS / "chain" / link["manifest"], target / link["manifest"])
    manifest = root / RECORDS / "manifest.jsonl"
    name = f"{len(chain):02d}_{parent['tool']}.jsonl" if manifest.is_file() else None
    if name is not None:
        _copy(manifest, target / name)
    chain.append(
        {
            "tool": parent["tool"],
            "version": parent.get("versions", {}).get("maskgen"),
            "dataset": parent.get("dataset"),
            "recipe": parent.get("recipe"),
            "manifest_sha256": sha256_file(manifest) if name is not None else None,
            "manifest": name,
        }
    )
    return chain


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_file():
        shutil.copyfile(source, target)


class Journal:
    """The lines of a run that is not complete yet.

    A run appends to a file of its own, in sample order, and reads what earlier attempts left, in the same
    order, so that memory stays flat however many samples there are.
    """

    def __init__(self, out: Path, before: Callable[[str, str], bool] = str.__lt__) -> None:
        self._records = out / RECORDS
        self._folder = self._records / "journal"
        self._folder.mkdir(exist_ok=True)
        earlier = sorted(self._folder.glob("*.jsonl"))
        manifest = self._records / "manifest.jsonl"
        # newest first: what a later attempt redid replaces what an earlier one had done
        self._readers = [_Reader(path, before) for path in [*reversed(earlier), manifest] if path.is_file()]
        last = int(earlier[-1].stem) if earlier else 0
        self._path = self._folder / f"{last + 1:04d}.jsonl"
        self._stream = self._path.open("w", encoding="utf-8", newline="\n")

    def earlier(self, sample_id: str) -> Outcome | None:
        """What an earlier attempt wrote about a sample; ask in sample order."""
        found = [reader.find(sample_id) for reader in self._readers]
        return next((outcome for outcome in found if outcome is not None), None)

    def append(self, outcome: Outcome) -> None:
        """Add one line; it survives the end of this program, however it ends."""
        self._stream.write(outcome.to_line())
        self._stream.flush()

    def close(self) -> None:
        """Close the files and keep them for a later attempt."""
        self._stream.close()
        for reader in self._readers:
            reader.close()

    def promote(self) -> str:
        """Make this attempt's lines the manifest and drop the journal; returns the manifest's SHA-256."""
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self.close()
        manifest = self._records / "manifest.jsonl"
        os.replace(self._path, manifest)
        shutil.rmtree(self._folder)
        return sha256_file(manifest)


class _Reader:
    """Lines of one file in sample order, found by walking forward only."""

    def __init__(self, path: Path, before: Callable[[str, str], bool]) -> None:
        self._before = before
        self._stream = path.open(encoding="utf-8", errors="replace")
        self._current = self._next()

    def _next(self) -> Outcome | None:
        for line in self._stream:
            try:
                return Outcome.from_line(line)
            except ValueError:
                continue  # a line torn by a crash: that sample is simply done again
        return None

    def find(self, sample_id: str) -> Outcome | None:
        while self._current is not None and self._before(self._current.id, sample_id):
            self._current = self._next()
        if self._current is not None and self._current.id == sample_id:
            return self._current
        return None

    def close(self) -> None:
        self._stream.close()
