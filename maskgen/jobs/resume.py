"""Resuming: when an earlier attempt was the same job, and which of its outcomes still hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..io.files import sha256_file
from ..sample import Entry
from .manifest import digest
from .outcome import Outcome

_ANEW = "or --overwrite to start anew"


def check_same_job(out: Path, earlier: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Raise UsageError unless ``run`` is the job of ``earlier``: anything else would mix two outputs.

    earlier, run: two run.json. The tool, the dataset, every option that decides bytes and the versions of the
    libraries that do must agree, and the number of images must not have shrunk.
    """
    made = f"{earlier.get('tool')} from {earlier.get('dataset')}"
    now = f"{run['tool']} from {run['dataset']}"
    if made != now:
        raise UsageError(f"{out} was made by {made}, not by {now}: name another --out, {_ANEW}")
    differing = _differing(earlier.get("recipe", {}), run["recipe"])
    if differing:
        raise UsageError(
            f"{out} was made with other options ({', '.join(differing)}): "
            f"give the same ones to resume, {_ANEW}"
        )
    old, new = dict(earlier.get("versions", {})), dict(run["versions"])
    changed = [f"{k} {old.get(k)} -> {new.get(k)}" for k in _differing(old, new) if k != "python"]
    if changed:
        raise UsageError(
            f"{out} was made with other versions ({', '.join(changed)}), which may give other bytes: "
            "--overwrite it to start anew"
        )
    if run["total"] < earlier.get("total", 0):
        raise UsageError(
            f"{out} was begun with {earlier['total']} images and now there are {run['total']}: "
            f"give the earlier --limit or a larger one, {_ANEW}"
        )


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted({*old, *new}) if digest(old.get(key)) != digest(new.get(key))]


class Resumable:
    """Do an input's work, unless an earlier attempt did and every byte is still there.

    work: what to do with an entry. keeps: further conditions under which an earlier outcome still holds.
    """

    def __init__(
        self,
        work: Callable[[Entry], Outcome],
        root: Path,
        out: Path,
        keeps: Callable[[Outcome], bool] | None = None,
    ) -> None:
        self.work, self.root, self.out, self.keeps = work, root, out, keeps

    def warm(self) -> None:
        """Load what any entry needs, where the work can."""
        getattr(self.work, "warm", lambda: None)()

    def __call__(self, item: tuple[Entry, Outcome | None]) -> tuple[Outcome, bool]:
        """The outcome of an entry, given what an earlier attempt wrote; and whether that was good enough."""
        entry, earlier = item
        if earlier is not None and self._holds(entry, earlier):
            return earlier, True
        outcome = self.work(entry)
        if earlier is not None:
            for name in set(earlier.files) - set(outcome.files):
                (self.out / name).unlink(missing_ok=True)
        return outcome, False

    def _holds(self, entry: Entry, earlier: Outcome) -> bool:
        # what failed is tried again: its cause may be mended, and it is quickly found out
        if earlier.status == "failed":
            return False
        read = {str(entry.image), *map(str, entry.labels)}
        if not read <= set(earlier.sources):
            return False
        intact = same_files(self.root, earlier.sources) and same_files(self.out, earlier.files)
        return intact and (self.keeps is None or self.keeps(earlier))


def same_files(root: Path, hashes: Mapping[str, str]) -> bool:
    """Whether every file under ``root`` is there with the SHA-256 it should have."""
    try:
        return all(sha256_file(root / name) == value for name, value in hashes.items())
    except OSError:
        return False
