"""A batch: every input has its line; the same bytes however it is run; clear ends."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import pytest

from maskgen.errors import InputError, UsageError
from maskgen.io.files import atomic_write, sha256_bytes
from maskgen.jobs.batch import BatchPlan, run_batch
from maskgen.jobs.manifest import read_manifest
from maskgen.jobs.outcome import Outcome, reason_of
from maskgen.jobs.output import RECORDS, OutputError, output_error
from maskgen.sample import Entry


@dataclass(frozen=True)
class Reverse:
    """Work that is easy to check: each file's bytes backwards; files that begin with "bad" fail."""

    root: Path
    out: Path

    def __call__(self, entry: Entry) -> Outcome:
        data = (self.root / entry.image).read_bytes()
        sources = {str(entry.image): sha256_bytes(data)}
        if data.startswith(b"bad"):
            reason = reason_of(InputError("begins with bad"))
            return Outcome(entry.id, "failed", str(entry.image), (reason,), sources=sources)
        done = data[::-1]
        try:
            atomic_write(self.out / entry.image, done, sync=False)
        except OSError as error:
            raise output_error(error, self.out) from error
        return Outcome(
            entry.id, "ok", str(entry.image), output=str(entry.image), sources=sources,
            files={str(entry.image): sha256_bytes(done)},
        )  # fmt: skip


class StopAt:
    """Ends the program's world at one sample."""

    def __init__(self, work: Reverse, sample_id: str, error: BaseException) -> None:
        self.work, self.sample_id, self.error = work, sample_id, error

    def __call__(self, entry: Entry) -> Outcome:
        if entry.id == self.sample_id:
            raise self.error
        return self.work(entry)


@pytest.fixture
def plan(tmp_path: Path) -> BatchPlan:
    root = tmp_path / "in"
    root.mkdir()
    for number in range(12):
        text = f"bad {number}" if number == 4 else f"good {number}"
        (root / f"{number:02d}.txt").write_bytes(text.encode())
    return BatchPlan("maskgen", "toy", root, tmp_path / "out", {"seed": 1})


def index(plan: BatchPlan) -> Iterator[Entry]:
    for path in sorted(plan.root.iterdir()):
        yield Entry(path.stem, PurePosixPath(path.name))


def go(plan: BatchPlan, work=None, **options):
    return run_batch(plan, lambda: index(plan), work or Reverse(plan.root, plan.out), **options)


def tree(out: Path) -> dict[str, bytes]:
    """Every file that must be the same from run to run."""
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    files.pop(f"{RECORDS}/run.json")
    return files


def run_json(out: Path) -> dict:
    return json.loads((out / RECORDS / "run.json").read_text())


def test_every_input_has_its_line_in_sample_order(plan):
    summary = go(plan)
    outcomes = list(read_manifest(plan.out))
    assert [outcome.id for outcome in outcomes] == [f"{number:02d}" for number in range(12)]
    assert summary.total == 12
    assert summary.failed == 1
    assert outcomes[4].reasons == ("input: begins with bad",)
    assert not (plan.out / "04.txt").exists()
    assert (plan.out / "05.txt").read_bytes() == b"5 doog"
    run = run_json(plan.out)
    assert run["status"] == "complete"
    assert run["counts"] == {"total": 12, "failed": 1, "ok": 11}
    assert run["manifest_sha256"] == summary.manifest_sha256


def test_two_workers_give_the_bytes_of_one(plan, tmp_path):
    go(plan)
    other = replace(plan, out=tmp_path / "two", jobs=2)
    go(other)
    assert tree(plan.out) == tree(other.out)


@pytest.mark.parametrize("stop", ["00", "03", "11"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OutputError("full")], ids=["ctrl-c", "full-disk"])
def test_interrupted_and_resumed_gives_the_bytes_of_one_go(plan, tmp_path, stop, error):
    other = replace(plan, out=tmp_path / "other")
    go(other)
    with pytest.raises(type(error)):
        go(plan, StopAt(Reverse(plan.root, plan.out), stop, error))
    assert run_json(plan.out)["status"] == (
        "interrupted" if isinstance(error, KeyboardInterrupt) else "stopped"
    )
    summary = go(replace(plan, resume=True))
    assert summary.reused == int(stop) - (int(stop) > 4)  # the failed one is tried again
    assert tree(plan.out) == tree(other.out)


def test_interrupted_twice_and_resumed_twice(plan, tmp_path):
    other = replace(plan, out=tmp_path / "other")
    go(other)
    for stop, resume in (("08", False), ("01", True)):
        with pytest.raises(KeyboardInterrupt):
            go(replace(plan, resume=resume), StopAt(Reverse(plan.root, plan.out), stop, KeyboardInterrupt()))
        (plan.out / "01.txt").unlink(missing_ok=True)
    summary = go(replace(plan, resume=True))
    assert summary.reused == 6  # 00, 02, 03, 05, 06, 07
    assert tree(plan.out) == tree(other.out)


def test_resuming_trusts_no_file_by_its_name(plan, tmp_path):
    other = replace(plan, out=tmp_path / "other")
    go(other)
    go(plan)
    (plan.out / "01.txt").write_bytes(b"half a fi")
    (plan.out / "02.txt").unlink()
    (plan.out / ".maskgen-0123").write_bytes(b"left by a killed run")
    assert go(replace(plan, resume=True)).reused == 9
    assert tree(plan.out) == tree(other.out)


def test_resuming_notices_a_source_that_changed(plan):
    go(plan)
    (plan.root / "03.txt").write_bytes(b"new")
    (plan.root / "06.txt").write_bytes(b"bad now")
    assert go(replace(plan, resume=True)).reused == 9
    assert (plan.out / "03.txt").read_bytes() == b"wen"
    assert not (plan.out / "06.txt").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": {"seed": 2}}, r"other options \(seed\)"),
        ({"recipe": {"seed": 1, "save": ["alpha"]}}, r"other options \(save\)"),
        ({"dataset": "BIWI"}, "made by maskgen from toy"),
        ({"tool": "rotaug"}, "not by rotaug"),
        ({"limit": 3}, "begun with 12 images"),
    ],
)
def test_only_the_same_job_is_resumed(plan, change, message):
    go(plan)
    before = tree(plan.out)
    with pytest.raises(UsageError, match=message):
        go(replace(plan, resume=True, **change))
    assert tree(plan.out) == before


def test_other_library_versions_are_not_mixed(plan):
    go(plan)
    run = run_json(plan.out)
    run["versions"]["numpy"] = "0.1"
    (plan.out / RECORDS / "run.json").write_text(json.dumps(run))
    with pytest.raises(UsageError, match=r"numpy 0\.1 ->"):
        go(replace(plan, resume=True))


def test_a_limited_run_can_be_extended(plan, tmp_path):
    other = replace(plan, out=tmp_path / "other")
    go(other)
    assert go(replace(plan, limit=5)).total == 5
    assert go(replace(plan, resume=True)).reused == 4
    assert tree(plan.out) == tree(other.out)


def test_overwriting_leaves_nothing_of_the_earlier_run(plan):
    go(plan)
    go(replace(plan, limit=2, overwrite=True))
    assert sorted(path.name for path in plan.out.glob("*.txt")) == ["00.txt", "01.txt"]


def test_a_full_disk_ends_the_batch_with_one_line_and_can_be_resumed(plan, monkeypatch):
    import sys

    written = 0
    module = sys.modules[Reverse.__module__]
    real = module.atomic_write

    def full(path, data, **options):
        nonlocal written
        written += 1
        if written > 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, data, **options)

    monkeypatch.setattr(module, "atomic_write", full)
    with pytest.raises(OutputError, match=r"disk is full.*--resume") as caught:
        go(plan)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert go(replace(plan, resume=True)).reused == 3


def test_a_full_disk_in_the_batchs_own_files_is_the_same_line(plan):
    def shared() -> dict[str, str]:
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    with pytest.raises(OutputError, match="disk is full"):
        go(plan, shared=shared)


def test_an_unreadable_index_is_a_usage_error_before_anything_is_written(plan):
    def refuse() -> Iterator[Entry]:
        raise PermissionError(13, "Permission denied", "in/05")

    with pytest.raises(UsageError, match="cannot read in/05: Permission denied"):
        run_batch(plan, refuse, Reverse(plan.root, plan.out))
    assert not plan.out.exists()


def test_an_index_out_of_order_is_refused(plan):
    entries = list(index(plan))
    with pytest.raises(UsageError, match="unique and sorted"):
        run_batch(plan, lambda: [*entries, entries[3]], Reverse(plan.root, plan.out))


def test_the_library_is_silent_and_quiet_false_is_not(plan, capsys):
    go(plan)
    assert capsys.readouterr() == ("", "")


def test_the_summary_names_counts_reasons_and_an_example(plan):
    text = go(plan).text(plan.out)
    assert "12 images: 11 ok, 1 failed" in text
    assert "failed: input" in text
    assert "04: input: begins with bad" in text
