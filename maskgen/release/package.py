"""maskgen package: a masked dataset -> a release, by default one that holds no picture at all."""

from __future__ import annotations

import gc
import gzip
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..io.files import TEMPORARY_PREFIX
from ..jobs.output import RECORDS, check_apart
from . import layouts
from .archive import find_archive, load_zstandard, write_archive
from .card import changelog, datasheet
from .croissant import croissant_text
from .gather import Content, gather
from .info import release_info
from .model import MANIFEST, PIXELS, RELEASE, SUMS, json_text, sums_text, write_sums
from .options import PackageOptions
from .rows import csv_text, load_pyarrow, write_parquet

__all__ = ["PackageOptions", "Packaged", "package"]

#: a recipe release whose manifest is a larger share of the pictures' bytes gets it compressed, so that the
#: whole stays below a tenth; below, it stays text that people can read and grep
_MOST = 0.05


@dataclass(frozen=True)
class Packaged:
    """What was written. size: bytes under OUT. image_bytes: bytes of the pictures it is about."""

    out: Path
    info: Mapping[str, Any]
    size: int
    image_bytes: int

    def text(self) -> str:
        """What a person wants to know at the end."""
        total = self.info["counts"]["images"]
        share = 100.0 * self.size / max(self.image_bytes, 1)
        return (
            f"{self.out}: {self.info['kind']} release {self.info['name']} {self.info['version']} of "
            f"{total} images, "
            f"{self.size / 1e6:.2f} MB ({share:.1f} % of the pictures' {self.image_bytes / 1e6:.1f} MB)\n"
            f"content {self.info['content_sha256']}"
        )


@contextmanager
def _uncollected() -> Iterator[None]:
    """No hunt for cycles while very many small objects are made that all stay: it takes a third longer.

    It has to end after the last of them is gone: the first hunt of all goes through whatever is there.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_uncollected()
def package(masked: Path, out: Path, options: PackageOptions | None = None) -> Packaged:
    """Write a release of the dataset in ``masked`` to ``out``, a new or empty folder.

    Raises UsageError before anything is written: no finished output of maskgen, failing checks without
    ``despite``, pictures that may not leave without ``right``, an output that is taken.
    """
    options = options or PackageOptions()
    check_apart(masked, out, twin="release")
    _check_out(out, options.overwrite)
    check_extras(options.archive, options.parquet)
    content = gather(masked, options)
    new = not out.exists()
    # inside OUT, for nothing may be written elsewhere, and moving within one file system costs nothing
    folder = out / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True)
        content.info = release_info(content)
        _write(content, folder)
        _deliver(content, folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new and out.is_dir() and not any(out.iterdir()):
            out.rmdir()
    size = sum(p.stat().st_size for p in out.rglob("*") if p.is_file())
    return Packaged(out, content.info, size, content.audit.image_bytes)


def _check_out(out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder for the release")
    if not out.is_dir() or not any(out.iterdir()):
        return
    ours = (out / RELEASE).is_file() or _holds_archive(out)
    if not (overwrite and ours):
        hint = "use --overwrite to replace it" if ours else "name a new or an empty folder"
        raise UsageError(f"{out} is not empty; {hint} (nothing was deleted)")


def check_extras(archive: str | None, parquet: bool) -> None:
    """Raise MissingDependency now and not after an hour of hashing."""
    if archive == "tar.zst":
        load_zstandard()
    if parquet:
        load_pyarrow()


def _holds_archive(out: Path) -> bool:
    """Whether a folder is a packed release: its SHA256SUMS names the archive in it."""
    archive = find_archive(out)
    if archive is None or not (out / SUMS).is_file():
        return False
    return any(line.endswith(f"  {archive.name}") for line in (out / SUMS).read_text("utf-8").splitlines())


def _write(content: Content, folder: Path) -> None:
    options = content.options
    _put(folder / RELEASE, json_text(content.info))
    content.splits.write(folder)
    _put(folder / "CHANGELOG.md", changelog(content.info, options.note, options.previous))
    if options.kind == "images":
        layouts.write(content, folder)
    else:
        _put(folder / "metadata.csv", csv_text(content.rows))
    for layer in options.layers:
        _copy_layer(content, layer, folder)
    if options.pixels:
        _put(folder / PIXELS, sums_text(content.pixels.items()))
    if options.parquet:
        files = {n: h for o in content.outcomes for n, h in o.files.items()}
        write_parquet(folder / "index.parquet", content.rows, content.pixels, files)
    _put_manifest(content, folder)
    _put(folder / "README.md", datasheet(content))
    _put(folder / "croissant.json", croissant_text(content, folder))
    write_sums(folder)


def _put_manifest(content: Content, folder: Path) -> None:
    text = content.manifest.encode()
    if content.options.kind == "recipe" and len(text) > _MOST * content.audit.image_bytes:
        (folder / f"{MANIFEST}.gz").write_bytes(gzip.compress(text, 1, mtime=0))
    else:
        (folder / MANIFEST).write_bytes(text)


def _copy_layer(content: Content, layer: str, folder: Path) -> None:
    prefix = f"{RECORDS}/{layer}/"
    names = [n for o in content.outcomes for n in o.files if n.startswith(prefix)]
    for name in names:
        target = folder / layer / name.removeprefix(prefix)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(content.root / name, target)


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _deliver(content: Content, folder: Path, out: Path) -> None:
    """Move what was written to its place, packed where asked for; an earlier release goes only now."""
    options = content.options
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    if options.archive is not None:
        packed = folder.with_name(f"{folder.name}-packed")
        packed.mkdir()
        try:
            target = packed / f"{content.name}-{options.version}.{options.archive}"
            rows = ((p.relative_to(folder).as_posix(), p) for p in files)
            write_archive(options.archive, rows, target, options.part)
            shutil.copyfile(folder / "README.md", packed / "README.md")
            write_sums(packed)
            _replace(packed, out)
        finally:
            shutil.rmtree(packed, ignore_errors=True)
        return
    _replace(folder, out)


def _replace(made: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path in out.iterdir():
        if path.name.startswith(TEMPORARY_PREFIX):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in sorted(made.iterdir()):
        shutil.move(path, out / path.name)
