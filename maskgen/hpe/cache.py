"""The crop cache: every picture of a dataset decoded and cropped once, then memory-mapped for ever after.

    FOLDER/AFLW2000-fsanet-crop-64-1f2e3d4c5b6a/
        images.npy    (n, px, px, 3) uint8 RGB, memory-mapped
        labels.npz    everything of rows.Row, one array a field
        cache.json    what it was made from; there only when the cache is complete
        parts/        labels of finished stretches, while it is being built: building resumes after them

The folder's name ends in a hash of the crop and of every file's path, size and time of change, so an edited
dataset gets a cache of its own and a moved one keeps its cache. Decoding a JPEG costs a hundred times what
reading a row does.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, UsageError
from ..io.files import atomic_write
from ..io.images import Pixels
from ..jobs import parallel
from ..jobs.outcome import reason_of
from ..sample import Entry
from .mixture import Source
from .rows import Row, RowSpec, make_row

#: raised when the content of a cache changes its meaning: old caches are then rebuilt
VERSION = 2
#: rows between two stretches that survive a crash
PART = 1024

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class CropCache:
    """An open cache. Fields are those of rows.Row, stacked: euler (n, 3), rotation (n, 3, 3), ..."""

    folder: Path
    spec: RowSpec
    labels: dict[str, NDArray[Any]]

    @cached_property
    def images(self) -> Pixels:
        """(n, px, px, 3) uint8 RGB, memory-mapped: only rows that are touched are read."""
        return np.load(self.folder / "images.npy", mmap_mode="r")  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.labels["id"])

    @property
    def ids(self) -> NDArray[Any]:
        """(n,) ids."""
        return self.labels["id"]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(n,) rows that hold a picture."""
        return np.asarray(self.labels["reason"] == "")

    def failures(self) -> dict[str, str]:
        """Reason by id of the pictures that could not be used."""
        bad = ~self.usable
        return dict(zip(self.labels["id"][bad].tolist(), self.labels["reason"][bad].tolist(), strict=True))

    def content_hash(self, rows: Sequence[int] | NDArray[Any]) -> str:
        """SHA-256 of ids, picture files and labels of the rows: the same data, wherever and whenever read."""
        digest = hashlib.sha256()
        for i in np.asarray(rows):
            digest.update(f"{self.labels['id'][i]}\0{self.labels['digest'][i]}\0".encode())
            digest.update(np.round(self.labels["euler"][i], 6).astype("<f8").tobytes())
        return digest.hexdigest()


def open_cache(
    source: Source, spec: RowSpec, folder: Path, *, jobs: int = 1, progress: Progress | None = None
) -> CropCache:
    """The cache of a dataset, built first if it is not there. Another process's build is waited for.

    jobs: worker processes, 0 for all cores. Raises UsageError if the disk has no room, and DatasetNotFound.
    """
    entries = list(source.entries())
    if not entries:
        raise UsageError(f"{source.name} ({source.root}) holds no usable picture")
    key = _key(source, entries, spec)
    name = f"{source.format.name}-{spec.policy}-{spec.layout}-{spec.pixels}-{key[:12]}"
    path = folder.expanduser() / name
    if not (path / "cache.json").is_file():
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the crop cache {path}: {error.strerror or error}") from error
        with _locked(path):
            if not (path / "cache.json").is_file():
                _build(source, entries, spec, path, jobs, progress)
    with np.load(path / "labels.npz", allow_pickle=False) as data:
        return CropCache(path, spec, {k: data[k] for k in data.files})


class _Work:
    """Write the pixels of one entry into the shared file and give back its labels."""

    def __init__(self, source: Source, spec: RowSpec, images: Path) -> None:
        self.format, self.root, self.spec, self.images = source.format, source.root, spec, images
        self._open: Pixels | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": None}

    def __call__(self, item: tuple[int, Entry]) -> Row:
        index, entry = item
        if self._open is None:
            self._open = np.load(self.images, mmap_mode="r+")
        try:
            row, pixels = make_row(self.format, self.root, entry, self.spec)
        except (InputError, OSError) as error:
            return Row(entry.id, self.format.group(entry), reason=reason_of(error))
        self._open[index] = pixels
        return row


def _build(
    source: Source, entries: list[Entry], spec: RowSpec, path: Path, jobs: int, progress: Progress | None
) -> None:
    images, parts = path / "images.npy", path / "parts"
    shape = (len(entries), spec.pixels, spec.pixels, 3)
    parts.mkdir(exist_ok=True)
    done = _finished_parts(parts) if images.is_file() else []
    if not done:
        needed = int(np.prod(shape, dtype=np.int64))
        if shutil.disk_usage(path).free < needed:
            raise UsageError(
                f"the crop cache of {source.name} needs {needed / 1e9:.1f} GB, more than {path.parent} has; "
                "set data.cache to another disk or data.cache_px smaller"
            )
        np.lib.format.open_memmap(images, mode="w+", dtype=np.uint8, shape=shape).flush()
    rows = [row for part in done for row in part]
    start = len(rows)
    work = _Work(source, spec, images)
    todo = list(enumerate(entries))[start:]
    jobs = parallel.resolve_jobs(jobs)
    fresh: list[Row] = []
    for count, row in enumerate(parallel.stream(work, todo, jobs=jobs, total=len(todo)), start=start + 1):
        fresh.append(row)
        if len(fresh) == PART or count == len(entries):
            _sync(images)
            _write_labels(parts / f"{len(done):06d}.npz", fresh)
            done.append(fresh)
            rows += fresh
            fresh = []
        if progress is not None:
            progress(count, len(entries))
    _write_labels(path / "labels.npz", rows)
    failed = sum(bool(r.reason) for r in rows)
    about = {
        "version": VERSION,
        "source": str(source.root),
        "dataset": source.format.name,
        "spec": asdict(spec),
        "rows": len(rows),
        "failed": failed,
    }
    atomic_write(path / "cache.json", (json.dumps(about, indent=2) + "\n").encode())
    shutil.rmtree(parts, ignore_errors=True)
    if failed == len(rows):
        shutil.rmtree(path, ignore_errors=True)
        raise UsageError(f"no picture of {source.name} can be used; the first says: {rows[0].reason}")


def _key(source: Source, entries: list[Entry], spec: RowSpec) -> str:
    digest = hashlib.sha256(json.dumps([VERSION, source.format.name, asdict(spec)], sort_keys=True).encode())
    shared = list(source.format.shared_files(source.root))
    for paths in (*((e.image, *e.labels) for e in entries), shared):
        for path in paths:
            try:
                stat = os.stat(source.root / path)
            except OSError:
                continue  # the row itself will say what is missing
            digest.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def _write_labels(path: Path, rows: list[Row]) -> None:
    arrays: dict[str, Any] = {f.name: np.array([getattr(r, f.name) for r in rows]) for f in fields(Row)}
    temporary = path.with_name(f".{path.name}")
    with open(temporary, "wb") as stream:
        np.savez(stream, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def _finished_parts(folder: Path) -> list[list[Row]]:
    """Rows of the stretches 0, 1, 2, ... up to the first that is missing or torn."""
    parts: list[list[Row]] = []
    while (path := folder / f"{len(parts):06d}.npz").is_file():
        try:
            with np.load(path, allow_pickle=False) as data:
                columns = {f.name: data[f.name] for f in fields(Row)}
        except (OSError, ValueError, KeyError):
            break
        values: list[dict[str, Any]] = [
            {k: str(v[i]) if v.ndim == 1 else v[i] for k, v in columns.items()}
            for i in range(len(columns["id"]))
        ]
        parts.append([Row(**v) for v in values])
    return parts


def _sync(path: Path) -> None:
    """Rows that labels vouch for must outlive a crash of the machine, too."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One builder at a time; where the system has no file locks nobody is kept out."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(path / ".lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
