"""The output folder: when it may be used, what may be deleted, and who is writing to it right now.

A folder is ours when it holds ``_maskgen/run.json``. Nothing else is ever deleted or mixed with.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import MaskgenError, UsageError

#: the folder for everything that is not the dataset itself
RECORDS = "_maskgen"
#: what a run.json holds that others rely on; a command leaves out what it does not know
_RUN: dict[str, type] = {
    **dict.fromkeys(("tool", "status", "dataset", "root", "manifest_sha256"), str),
    **dict.fromkeys(("recipe", "versions", "shared", "counts", "reasons"), dict),
    "chain": list,
}


class OutputError(MaskgenError):
    """The output cannot be written (full disk, lost rights): the batch ends, and may be resumed."""


def output_error(error: OSError, out: Path) -> OutputError:
    """The one line that ends a batch whose output device refuses to take more."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"the disk is full: {out} cannot take another file; what is finished is kept, "
            "so make room and run the same command with --resume"
        )
    return OutputError(
        f"cannot write to {out}: {error.strerror or error}; what is finished is kept, "
        "so mend the cause and run the same command with --resume"
    )


def check_apart(
    root: Path, out: Path, option: str = "--out", twin: str = "masked", other: str = "input"
) -> None:
    """Refuse an output that is the input, lies inside it, or holds it. Raises UsageError.

    twin: what the output is, for the name that the message suggests. other: what ``root`` is.
    """
    source, target = root.resolve(), out.resolve()
    if source == target:
        problem = f"is the {other} itself"
    elif source in target.parents:
        problem = f"lies inside the {other} {root}"
    elif target in source.parents:
        problem = f"holds the {other} {root}"
    else:
        return
    raise UsageError(f"{option} {out} {problem}; name a folder beside it, as {source}_{twin}")


def read_run(out: Path) -> dict[str, Any] | None:
    """The run.json of a folder, or None where it has none or it cannot be read as one."""
    try:
        run = json.loads((out / RECORDS / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(run, dict) or "tool" not in run:
        return None
    sound = all(run.get(key) is None or isinstance(run[key], kind) for key, kind in _RUN.items())
    return run if sound else None


@contextmanager
def open_output(
    out: Path, *, resume: bool = False, overwrite: bool = False, resumable: bool = True
) -> Iterator[dict[str, Any] | None]:
    """Hold ``out`` for writing; yields the run.json to resume from, or None for a fresh start.

    resumable: whether the command has a --resume that a message may name.

    Raises UsageError where the folder holds anything and neither ``resume`` nor ``overwrite`` allows to go
    on, where another program writes to it, and always where it is not one of ours.
    """
    run = check_output(out, resume=resume, overwrite=overwrite, resumable=resumable)
    try:
        (out / RECORDS).mkdir(parents=True, exist_ok=True)
        lock = _lock(out)
        if overwrite:
            _empty(out)
    except OSError as error:
        raise UsageError(f"cannot use {out} as output: {error.strerror or error}") from error
    try:
        yield run
    finally:
        if lock is not None:
            (out / RECORDS / "lock").unlink(missing_ok=True)
            lock.close()


def check_output(
    out: Path, *, resume: bool = False, overwrite: bool = False, resumable: bool = True
) -> dict[str, Any] | None:
    """What `open_output` will say about ``out``, without changing anything."""
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other: keep what is there, or start anew")
    try:
        return _inspect(out, resume, overwrite, resumable)
    except OSError as error:
        raise UsageError(f"cannot use {out} as output: {error.strerror or error}") from error


def _inspect(out: Path, resume: bool, overwrite: bool, resumable: bool) -> dict[str, Any] | None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder for the output")
    if not out.is_dir() or _is_bare(out):
        return None
    run = read_run(out)
    if run is None:
        raise UsageError(
            f"{out} is not empty and holds no {RECORDS}/run.json, so it is not an earlier output; "
            "name a new or an empty folder (nothing was deleted)"
        )
    if not (resume or overwrite):
        ways = "--resume to finish it or --overwrite" if resumable else "--overwrite"
        raise UsageError(
            f"{out} already holds an output ({run.get('status', 'unfinished')}); use {ways} to start anew"
        )
    return run if resume else None


def _is_bare(out: Path) -> bool:
    """Empty, or left with nothing but the bare records folder of a run that never began."""
    if any(path.name != RECORDS for path in out.iterdir()):
        return False
    records = out / RECORDS
    return not records.is_dir() or all(path.name == "lock" for path in records.iterdir())


def _empty(out: Path) -> None:
    """Delete the content of an earlier output; run.json goes last, so that a cut-off deletion stays ours."""
    records = out / RECORDS
    doomed = [path for path in out.iterdir() if path != records]
    doomed += [path for path in records.iterdir() if path.name not in ("run.json", "lock")]
    for path in doomed:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (records / "run.json").unlink(missing_ok=True)


def _lock(out: Path) -> IO[bytes] | None:
    """Keep other programs out of the folder while this one writes.

    The lock is the operating system's, so it ends with its process, however that ends. Where the system or
    the file system has none (Windows, some network mounts) nothing is locked and nothing refused.
    """
    try:
        import fcntl
    except ImportError:
        return None
    file = (out / RECORDS / "lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(
            f"another program is writing to {out} right now; wait for it, or name another folder"
        ) from None
    except OSError:
        file.close()
        return None
    return file
