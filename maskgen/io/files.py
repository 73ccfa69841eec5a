"""Whole files: atomic writes, hashes, and relative paths that stay inside their root."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..errors import UsageError

#: how the name of an unfinished file begins; nothing else in a dataset is called so
TEMPORARY_PREFIX = ".maskgen-"
_CHUNK = 1 << 20
#: bytes that a recipe, a list of poses or a table of predictions may have
MOST_GIVEN = 64 << 20


def atomic_write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Put ``data`` at ``path`` so that a reader sees the old file, the new file, and never a part.

    The bytes go to a temporary file in the same folder, are flushed to the disk (unless ``sync`` is False,
    which keeps atomicity against crashes of the program but not of the machine) and renamed over ``path``.
    Missing folders are made. On any error the temporary file is removed and ``path`` is as it was.

    Raises OSError (disk full, no permission) with ``path`` as its file name.
    """
    target = os.fspath(path)
    # a random name, not one made from the target's: long names stay within the file system's limit
    temporary = os.path.join(os.path.dirname(target), f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    try:
        handle = _create(temporary)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.filename != target:
            raise type(error)(error.errno, error.strerror, target) from error
        raise


def _create(temporary: str) -> int:
    # 0o666 minus the user's umask, as for any new file; the tempfile module would make them private
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return os.open(temporary, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(temporary) or ".", exist_ok=True)
        return os.open(temporary, flags, 0o666)


def open_regular(path: Path | str) -> BinaryIO:
    """A file open for reading. Raises OSError, also for a pipe or device, where a read might never end."""
    return open(path, "rb", opener=_regular)


def read_regular(path: Path | str) -> bytes:
    """The bytes of a file; OSError as from `open_regular`."""
    with open(path, "rb", buffering=0, opener=_regular) as stream:  # one read needs no buffer
        return stream.readall()


def read_given(path: Path | str, encoding: str = "utf-8") -> str:
    """Text of a file, or of a pipe, that the user names, with "\n" for every end of a line.

    Raises OSError also where it is larger than MOST_GIVEN bytes, as a device without an end is, and
    UnicodeDecodeError.
    """
    with open(path, "rb") as stream:
        data = stream.read(MOST_GIVEN + 1)
    if len(data) > MOST_GIVEN:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_GIVEN >> 20} MB", str(path))
    return io.StringIO(data.decode(encoding), newline=None).read()


def _regular(path: str, flags: int) -> int:
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # to open a pipe waits for its writer
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # open() itself refuses a directory
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it is a pipe or a device", path)


def atomic_copy(source: Path, target: Path, *, sync: bool = True) -> None:
    """Copy the bytes of ``source`` to ``target`` with atomic_write."""
    atomic_write(target, Path(source).read_bytes(), sync=sync)


def remove_temporaries(root: Path) -> int:
    """Delete unfinished files that a killed run left anywhere under ``root``; returns how many."""
    found = list(Path(root).rglob(TEMPORARY_PREFIX + "*"))
    for path in found:
        with suppress(OSError):
            path.unlink()
    return len(found)


def sha256_bytes(data: bytes) -> str:
    """SHA-256 of ``data``, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def safe_relative(text: str) -> PurePosixPath:
    """A path from a file or a user as a relative POSIX path that cannot leave its root.

    Raises UsageError for absolute paths, ``..``, back slashes, drive letters, NUL and the empty path.
    """
    path = PurePosixPath(text)
    parts = text.split("/")
    bad = path.is_absolute() or ".." in parts or "\\" in text or "\0" in text or (parts[0][1:2] == ":")
    if bad or path == PurePosixPath("."):
        raise UsageError(f"path {text!r} must be relative, with forward slashes and without '..'")
    return path


def names_in(folder: Path) -> list[str]:
    """Names in a folder, sorted; none if it does not exist.

    Raises UsageError if it is there but cannot be listed: what lies in it must not vanish silently.
    """
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UsageError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error


def inside(child: Path, parent: Path) -> bool:
    """Whether ``child`` is ``parent`` or lies under it, links resolved; neither needs to exist."""
    return Path(child).resolve().is_relative_to(Path(parent).resolve())
