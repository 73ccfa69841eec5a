"""Archives: the same files always give the same bytes, and reading one trusts nothing it says.

Names are sorted; times, owners and permissions are fixed. A large archive is cut into numbered parts that
`cat` joins again. Reading yields plain files only: links, devices, names that leave the folder and
decompression bombs end it.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self, cast

from ..errors import MaskgenError, MissingDependency, UsageError
from ..io.files import atomic_write, safe_relative

#: kinds of archive, as they end
KINDS = ("zip", "tar.gz", "tar.zst")
#: bytes that one archive may unpack to, files it may hold, and how often larger than itself it may get
LARGEST, MOST, RATIO = 1 << 36, 2_000_000, 200
#: below so many bytes a large ratio harms nobody: a few repetitive text files reach it honestly
_HARMLESS = 64 << 20
_BLOCK = 1 << 20
#: bytes of an extended header: a long name and a date have hundreds
_LONGEST_HEADER = 1 << 16
#: blocks that may follow the last file of a tar: it is padded to 10 kB, and some programs pad to more
_AFTER = 16


#: what zipfile and tarfile raise over damage; RuntimeError also for what a zip claims to need of its reader
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError,
    RuntimeError, OverflowError, IndexError,
)  # fmt: skip


class ArchiveError(MaskgenError):
    """An archive that is damaged, or that would do what no honest one does."""


def write_archive(
    kind: str, files: Iterable[tuple[str, Path]], target: Path, part: int | None = None
) -> list[Path]:
    """Write ``target`` with its files (name in the archive, path); returns the archive, or its parts.

    kind: one of KINDS. part: most bytes a part; parts are called TARGET.part001 and so on. The bytes depend
    on names, contents and the compressor's version alone. Raises UsageError for an unknown kind,
    MissingDependency for tar.zst without zstandard.
    """
    if kind not in KINDS:
        raise UsageError(f"unknown archive {kind!r}; known are {', '.join(KINDS)}")
    if part is not None and part < 1:
        raise UsageError(f"a part of an archive needs at least 1 byte, got {part}")
    rows = sorted((str(safe_relative(name)), path) for name, path in files)
    with _Parts(target, part) as stream:
        if kind == "zip":
            _write_zip(rows, stream)
        elif kind == "tar.gz":
            with gzip.GzipFile("", "wb", 6, cast("IO[bytes]", stream), mtime=0) as packed:
                write_tar(rows, packed)
        else:
            with load_zstandard().ZstdCompressor(level=10).stream_writer(stream, closefd=False) as packed:
                write_tar(rows, packed)
    return stream.paths


def write_tar(rows: Iterable[tuple[str, Path | bytes]], stream: Any) -> None:
    """A tar of (name, path or content) in the order given; times, owners and permissions fixed."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, content in rows:
            info = tarfile.TarInfo(name)
            info.mode = 0o644
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
                continue
            with open(content, "rb") as file:
                info.size = os.fstat(file.fileno()).st_size
                tar.addfile(info, file)


def _write_zip(rows: list[tuple[str, Path]], stream: Any) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, path in rows:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            with open(path, "rb") as file, archive.open(info, "w", force_zip64=True) as member:
                while block := file.read(_BLOCK):
                    member.write(block)


def load_zstandard() -> Any:
    """The optional zstandard. Raises MissingDependency."""
    try:
        import zstandard
    except ImportError as error:
        raise MissingDependency(
            "tar.zst needs zstandard, which is not installed: pip install 'maskgen[zstd]'"
        ) from error
    return zstandard


class _Parts(io.RawIOBase):
    """A file to write that goes on in a next one wherever a part is full; it cannot seek."""

    def __init__(self, target: Path, part: int | None) -> None:
        self._target, self._part, self._room, self._at = target, part, 0, 0
        self._file: IO[bytes] | None = None
        self.paths: list[Path] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes written so far; zip records them as offsets of the joined archive."""
        return self._at

    def write(self, data: Any) -> int:
        """Write all of ``data``, over as many parts as it takes."""
        view = memoryview(data).cast("B")
        size = len(view)
        while view:
            if self._file is None or (self._part is not None and self._room == 0):
                self._next()
            assert self._file is not None
            piece = view if self._part is None else view[: self._room]
            self._file.write(piece)
            self._room -= len(piece)
            view = view[len(piece) :]
        self._at += size
        return size

    def _next(self) -> None:
        if self._file is not None:
            self._file.close()
        suffix = "" if self._part is None else f".part{len(self.paths) + 1:03d}"
        path = self._target.with_name(self._target.name + suffix)
        self._file = open(path, "xb")  # noqa: SIM115 closed by _next and close
        self.paths.append(path)
        self._room = self._part or 0

    def close(self) -> None:
        """Close the last part."""
        if self._file is not None:
            self._file.close()
        super().close()


def kind_of(path: Path) -> str | None:
    """The kind of archive by a file's name, or None; TARGET.part001 stands for all parts."""
    name = path.name.lower()
    name = name[: name.rfind(".part")] if ".part" in name else name
    return next((kind for kind in KINDS if name.endswith(f".{kind}")), None)


def find_archive(where: Path) -> Path | None:
    """The archive that ``where`` is, or the only one that the folder ``where`` holds; else None."""
    if where.is_file():
        return where if kind_of(where) else None
    if not where.is_dir():
        return None
    found = [p for p in sorted(where.iterdir()) if p.is_file() and kind_of(p)]
    first = [p for p in found if ".part" not in p.name or p.name.endswith(".part001")]
    return first[0] if len(first) == 1 else None


def parts_of(path: Path) -> list[Path]:
    """All parts of an archive, in order. Raises ArchiveError where one in the middle is missing."""
    stem, mark, number = path.name.rpartition(".part")
    if not mark or not number.isdigit():
        return [path]
    parts = sorted(p for p in path.parent.iterdir() if p.name.startswith(f"{stem}.part"))
    expected = [f"{stem}.part{i:03d}" for i in range(1, len(parts) + 1)]
    if [p.name for p in parts] != expected:
        missing = next(name for name in expected if name not in {p.name for p in parts})
        raise ArchiveError(f"{missing} is missing; all parts of the archive must lie in one folder")
    return parts


def read_archive(
    path: Path, *, largest: int = LARGEST, most: int = MOST, ratio: int = RATIO
) -> Iterator[tuple[str, bytes]]:
    """(name, content) of every file in an archive, in its order. Nothing is written.

    Raises ArchiveError: for names that are absolute, lead out of the folder or come twice; for links and
    everything else that is no plain file; for more than ``largest`` bytes (or ``ratio`` times the archive's
    own size) or ``most`` files, by what is unpacked and not by what the archive claims; for damage.
    """
    kind = kind_of(path)
    if kind is None:
        raise ArchiveError(f"{path.name} is no archive that is known ({', '.join(KINDS)})")
    parts = parts_of(path)
    limit = min(largest, max(_HARMLESS, ratio * sum(p.stat().st_size for p in parts)))
    seen: set[str] = set()
    total = 0
    try:
        with _joined(parts) as stream:
            members = _zip_members(stream) if kind == "zip" else _tar_members(stream, kind)
            for raw, member in members:
                name = _checked(raw, path)
                if name in seen or len(seen) >= most:
                    what = f"holds {name!r} twice" if name in seen else f"holds more than {most} files"
                    raise ArchiveError(f"{path.name} {what}; it was not made by maskgen package")
                seen.add(name)
                data = _bounded(member, limit - total, path)
                total += len(data)
                yield name, data
    except _DAMAGE as error:
        raise ArchiveError(f"{path.name} is damaged: {error}; get it again") from error
    except Exception as error:
        if type(error).__module__.startswith("zstandard"):
            raise ArchiveError(f"{path.name} is damaged: {error}; get it again") from error
        raise


def unpack(path: Path, folder: Path, **limits: int) -> list[PurePosixPath]:
    """Write an archive's files under ``folder``; returns their names. Raises as `read_archive` does."""
    names = []
    for name, data in read_archive(path, **limits):
        try:
            atomic_write(folder / name, data, sync=False)
        except OSError as error:
            raise ArchiveError(
                f"{name!r} of {path.name} cannot be written: {error.strerror or error}"
            ) from error
        names.append(PurePosixPath(name))
    return names


def _checked(name: str, path: Path) -> str:
    try:
        return str(safe_relative(name))
    except UsageError as error:
        raise ArchiveError(f"{path.name} holds the name {name!r}, which would leave its folder") from error


def _bounded(member: Any, room: int, path: Path) -> bytes:
    pieces, size = [], 0
    while block := member.read(min(_BLOCK, room - size + 1)):
        size += len(block)
        if size > room:
            raise ArchiveError(f"{path.name} unpacks to far more than it should; refused as a bomb")
        pieces.append(block)
    return b"".join(pieces)


def _zip_members(stream: Any) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or info.is_dir() or info.flag_bits & 1:
                raise ArchiveError(f"{info.filename!r} in the archive is no plain file")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError(f"{info.filename!r} in the archive is packed as no release is")
            # zipfile cuts names at NUL and mends slashes; what the archive really says must be looked at
            with archive.open(info) as member:
                yield info.orig_filename, member


class _Header(tarfile.TarInfo):
    """A header that may not claim what no honest one does: tarfile reads extended ones whole into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """One block of a tar as a header. Raises ArchiveError where it announces an endless one."""
        info = super().frombuf(buf, encoding, errors)
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) and info.size > _LONGEST_HEADER:
            raise ArchiveError("the archive has a header beyond all measure; refused as a bomb")
        return info


def _tar_members(stream: Any, kind: str) -> Iterator[tuple[str, Any]]:
    with ExitStack() as stack:
        if kind == "tar.gz":
            plain: Any = stack.enter_context(gzip.GzipFile(fileobj=stream))
        else:
            plain = stack.enter_context(load_zstandard().ZstdDecompressor().stream_reader(stream))
        tar = stack.enter_context(tarfile.open(fileobj=plain, mode="r|", tarinfo=_Header))
        for info in tar:
            # sparse files claim a size that nothing in the archive backs
            if not info.isreg() or info.issparse():
                raise ArchiveError(f"{info.name!r} in the archive is no plain file")
            yield info.name, tar.extractfile(info)
        # the checksum of the whole comes last: damage is found only by whoever reads so far
        for _ in range(_AFTER):
            if not plain.read(_BLOCK):
                return
        raise ArchiveError("the archive goes on after its end; refused as a bomb")


@contextmanager
def _joined(parts: list[Path]) -> Iterator[Any]:
    if len(parts) == 1:
        with open(parts[0], "rb") as stream:
            yield stream
        return
    with ExitStack() as stack:
        files = [stack.enter_context(open(p, "rb")) for p in parts]
        yield io.BufferedReader(_Joined(files, [p.stat().st_size for p in parts]))


class _Joined(io.RawIOBase):
    """Several files read as one."""

    def __init__(self, files: Sequence[IO[bytes]], sizes: list[int]) -> None:
        self._files, self._sizes, self._at = files, sizes, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is; zip begins at its end."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of the whole."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: sum(self._sizes)}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` from the part that holds the current byte."""
        start = 0
        for file, size in zip(self._files, self._sizes, strict=True):
            if self._at < start + size:
                file.seek(self._at - start)
                data = file.read(min(len(buffer), start + size - self._at))
                buffer[: len(data)] = data
                self._at += len(data)
                return len(data)
            start += size
        return 0
