"""One batch from claim to manifest: what maskgen apply and rotaug have in common.

The caller says what to do with one input; this module sees to it that every input has its line, that the same
command gives the same bytes for any number of workers and interruptions, and that nobody's files are lost.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..io.files import remove_temporaries
from ..sample import Entry
from .manifest import Journal, digest, inherit_chain, versions, write_run
from .outcome import STATUSES, Outcome
from .output import RECORDS, OutputError, check_apart, open_output, output_error
from .parallel import stream
from .progress import Progress, duration
from .resume import Resumable, check_same_job

#: failed inputs that the summary quotes
_EXAMPLES = 3


@dataclass(frozen=True)
class BatchPlan:
    """What a batch is about.

    tool: "maskgen" or "rotaug". dataset: its canonical name. recipe: every option that decides bytes of the
    output, as plain values; resuming demands the same. root, out: input and output folders. limit: first so
    many entries only. details: further plain values for run.json that decide nothing.
    """

    tool: str
    dataset: str
    root: Path
    out: Path
    recipe: Mapping[str, Any]
    limit: int | None = None
    jobs: int = 1
    resume: bool = False
    overwrite: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Summary:
    """The end of a batch in numbers; reused counts outcomes that an earlier attempt had finished."""

    total: int = 0
    reused: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    seconds: float = 0.0
    manifest_sha256: str | None = None

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.total += 1
        self.statuses[outcome.status] += 1
        if outcome.reasons:
            self.reasons[f"{outcome.status}: {outcome.code}"] += 1
        if outcome.status == "failed" and len(self.examples) < _EXAMPLES:
            self.examples.append(f"{outcome.id}: {'; '.join(outcome.reasons)}")

    @property
    def failed(self) -> int:
        """Inputs that gave no output."""
        return self.statuses["failed"]

    def text(self, out: Path) -> str:
        """What a person wants to know at the end: counts, rate, reasons, examples, and where the rest is."""
        counts = ", ".join(f"{self.statuses[name]} {name}" for name in STATUSES if self.statuses[name])
        new = self.total - self.reused
        rate = f"{new / max(self.seconds, 1e-9):.1f} images/s, {duration(self.seconds)}"
        kept = f"; {self.reused} were already there" if self.reused else ""
        lines = [f"{out}: {self.total} images: {counts} ({rate}{kept})"]
        lines += [f"  {count:6d}  {reason}" for reason, count in self.reasons.most_common()]
        lines += [f"    e.g. {example}" for example in self.examples]
        lines.append(f"every image has its line in {out / RECORDS / 'manifest.jsonl'}")
        return "\n".join(lines)


def run_batch(
    plan: BatchPlan,
    entries: Callable[[], Iterable[Entry]],
    work: Callable[[Entry], Outcome],
    shared: Callable[[], Mapping[str, str]] = dict,
    *,
    keeps: Callable[[Outcome], bool] | None = None,
    quiet: bool = True,
) -> Summary:
    """Run ``work`` over all entries and leave a complete output, or one that --resume can finish.

    entries: the index, in sample order, each time it is called. work: picklable, never raises for a bad input
    (it returns a failed Outcome); OutputError ends the batch. shared: writes the files that belong to no
    single picture and returns their hashes. keeps: further conditions under which an earlier outcome still
    holds (picklable). quiet: False shows progress on stderr.

    Raises UsageError before anything is written, OutputError where the output device gives up, and
    KeyboardInterrupt; after the last two the output can be resumed.
    """
    check_apart(plan.root, plan.out)
    total = _count(plan, entries)
    with open_output(plan.out, resume=plan.resume, overwrite=plan.overwrite) as earlier:
        run = _begin(plan, total)
        if earlier is not None:
            check_same_job(plan.out, earlier, run)
        started, summary = time.monotonic(), Summary()
        try:
            remove_temporaries(plan.out)
            run["chain"] = inherit_chain(plan.root, plan.out)
            write_run(plan.out, run)
            journal = Journal(plan.out)
            try:
                run["shared"] = dict(sorted(shared().items()))
                resumable = Resumable(work, plan.root, plan.out, keeps)
                _process(plan, entries, resumable, journal, summary, Progress(total, quiet=quiet))
                summary.manifest_sha256 = journal.promote()
            finally:
                journal.close()
        except BaseException as error:
            _end(plan, run, summary, started, status=_status_of(error))
            if isinstance(error, OSError):
                raise output_error(error, plan.out) from error
            raise
        _end(plan, run, summary, started, status="complete")
    return summary


def _count(plan: BatchPlan, entries: Callable[[], Iterable[Entry]]) -> int:
    try:
        return sum(1 for _ in _limited(entries(), plan.limit))
    except OSError as error:
        where, why = error.filename or plan.root, error.strerror or error
        raise UsageError(f"cannot read {where}: {why}; mend its permissions first") from error


def _limited(entries: Iterable[Entry], limit: int | None) -> Iterator[Entry]:
    """The first ``limit`` entries; sample order is checked, for journals and manifests rely on it."""
    previous = None
    for entry in itertools.islice(entries, limit):
        if previous is not None and not previous < entry.id:
            raise UsageError(f"the index has {entry.id!r} after {previous!r}: ids must be unique and sorted")
        previous = entry.id
        yield entry


def _begin(plan: BatchPlan, total: int) -> dict[str, Any]:
    """The run.json of this attempt, before anything is done."""
    return {
        "tool": plan.tool,
        "status": "running",
        "dataset": plan.dataset,
        "root": str(plan.root.resolve()),
        "recipe": dict(plan.recipe),
        "recipe_sha256": digest(plan.recipe),
        "versions": versions(),
        "limit": plan.limit,
        "total": total,
        **plan.details,
    }


def _process(
    plan: BatchPlan,
    entries: Callable[[], Iterable[Entry]],
    work: Resumable,
    journal: Journal,
    summary: Summary,
    progress: Progress,
) -> None:
    items = ((entry, journal.earlier(entry.id)) for entry in _limited(entries(), plan.limit))
    try:
        # closed at once when the loop is left by an exception: the workers end here, not at some later time
        with closing(stream(work, items, jobs=plan.jobs, total=progress.total)) as results:
            for outcome, reused in results:
                journal.append(outcome)
                summary.add(outcome)
                summary.reused += reused
                progress.update(failed=outcome.status == "failed")
    finally:
        progress.close()


def _status_of(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "stopped" if isinstance(error, OutputError | OSError) else "failed"


def _end(plan: BatchPlan, run: dict[str, Any], summary: Summary, started: float, *, status: str) -> None:
    summary.seconds = time.monotonic() - started
    run["status"] = status
    run["counts"] = {"total": summary.total, **dict(sorted(summary.statuses.items()))}
    run["reasons"] = dict(sorted(summary.reasons.items()))
    run["manifest_sha256"] = summary.manifest_sha256
    run["timing"] = {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(summary.seconds, 2),
        "images_per_second": round(summary.total / max(summary.seconds, 1e-9), 2),
        "jobs": plan.jobs,
        "reused": summary.reused,
    }
    try:
        write_run(plan.out, run)
    except OSError as error:
        # a full disk has its message already, and the run.json of the start ("running") still stands
        if status == "complete":
            raise output_error(error, plan.out) from error
