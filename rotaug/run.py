"""The rotated twin of a dataset: plan, turn, record.

One angle per picture gives one twin, at OUT itself, with the input's tree and file names. Several angles (or
--include-original) give several twins, each complete and each in a folder of its own (OUT/r+030, OUT/turn1,
OUT/original), because every loader then reads each of them under the dataset's own file names.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from maskgen.datasets.base import DatasetFormat
from maskgen.jobs.batch import BatchPlan, Summary, run_batch
from maskgen.jobs.manifest import digest, inherit_chain, versions, write_run
from maskgen.jobs.output import check_apart, check_output, open_output, output_error, read_run
from maskgen.jobs.resume import check_same_job

from .plan import Angles
from .records import Written, write_records
from .rotate import Turn
from .survey import Plan, check_fit, plan_angles
from .work import Planned, TurnOne


@dataclass(frozen=True)
class RotateOptions:
    """How to run: first so many pictures, workers, and what to do with an earlier output."""

    limit: int | None = None
    jobs: int = 1
    resume: bool = False
    overwrite: bool = False


@dataclass
class Rotated:
    """The end of a run. summaries: by twin ("" is OUT itself); written: what the records say."""

    out: Path
    summaries: dict[str, Summary] = field(default_factory=dict)
    written: Written | None = None

    @property
    def statuses(self) -> Counter[str]:
        """Pictures by status, over all twins."""
        return sum((summary.statuses for summary in self.summaries.values()), Counter())

    @property
    def reasons(self) -> Counter[str]:
        """How often each reason was given, over all twins."""
        return sum((summary.reasons for summary in self.summaries.values()), Counter())

    @property
    def examples(self) -> list[str]:
        """A few failed pictures with the reason, of the first twin that has any."""
        return next((summary.examples for summary in self.summaries.values() if summary.examples), [])


def rotate_dataset(
    fmt: DatasetFormat,
    root: Path,
    out: Path,
    angles: Angles,
    turn: Turn | None = None,
    options: RotateOptions | None = None,
    *,
    quiet: bool = True,
) -> Rotated:
    """Write the rotated twin (or twins) of the dataset at ``root`` to ``out``.

    Every picture has its line in the manifest of each twin; a bad one is recorded and the batch goes on.
    Raises UsageError before anything is written, OutputError where the output device gives up; then, and
    after KeyboardInterrupt, the same call with resume=True goes on.
    """
    turn, options = turn or Turn(), options or RotateOptions()
    check_apart(root, out, twin="rotated")
    check_output(out, resume=options.resume, overwrite=options.overwrite)
    check_fit(fmt, root, angles, turn)
    plan = plan_angles(fmt, root, angles, turn, options.limit, options.jobs)
    job = _Job(fmt, root, out, angles, turn, options, plan, quiet)
    result = Rotated(out)
    if angles.twins == ("",):
        result.summaries[""] = job.twin("")
        result.written = job.record()
        return result
    with job.held() as run:
        for name in angles.twins:
            result.summaries[name] = job.twin(name)
        run["twins"] = {name: summary.manifest_sha256 for name, summary in result.summaries.items()}
        run["counts"] = {"total": result.statuses.total(), **dict(sorted(result.statuses.items()))}
    result.written = job.record()
    return result


def default_out(root: Path) -> Path:
    """NAME_rotated beside the dataset."""
    place = Path(os.path.abspath(root))  # as the user sees it: a linked dataset's twin lies beside the link
    return place.parent / f"{place.name}_rotated"


def preview(
    fmt: DatasetFormat, root: Path, out: Path, angles: Angles, turn: Turn, options: RotateOptions
) -> Iterator[str]:
    """What `rotate_dataset` would do, line by line; refuses what it would refuse and writes nothing."""
    check_apart(root, out, twin="rotated")
    check_output(out, resume=options.resume, overwrite=options.overwrite)
    check_fit(fmt, root, angles, turn)
    plan = plan_angles(fmt, root, angles, turn, options.limit, options.jobs)
    total, first = 0, list[str]()
    for entry in islice(fmt.index(root), options.limit):
        total += 1
        if len(first) < 3:
            numbers = range(len(angles.listed) or angles.per_image)
            first.append(f"{entry.id} by {', '.join(f'{plan.angle(entry.id, k):.2f}' for k in numbers)}")
    twins = len(angles.twins)
    yield f"{fmt.name} at {root}: {total} pictures, {total * twins} to write in {twins} twin(s)"
    yield f"output: {out}" + (f" ({', '.join(angles.twins)})" if twins > 1 else "")
    yield f"degrees, counter-clockwise: {'; '.join(first)} ..."
    if plan.numbers:
        said = "balanced {by}: {reachable_cells} cells within reach, {emptiest} to {fullest} pictures each"
        yield said.format(**plan.numbers)
    yield "nothing was written (--dry-run)"


@dataclass(frozen=True)
class _Job:
    """All that the twins of one run share."""

    fmt: DatasetFormat
    root: Path
    out: Path
    angles: Angles
    turn: Turn
    options: RotateOptions
    plan: Plan
    quiet: bool

    @property
    def recipe(self) -> dict[str, Any]:
        """Every option that decides bytes of the output, as plain values."""
        span, plain = self.angles.span, asdict(self.turn)
        recipe = {
            "range": None if span is None else [span.low, span.high],
            "angles": list(self.angles.listed),
            "per_image": self.angles.per_image,
            "balance": self.angles.balance,
            "include_original": self.angles.include_original,
            "seed": self.angles.seed,
            **plain,
            "fill": list(self.turn.fill),
        }
        return recipe if self.plan.sha256 is None else recipe | {"plan_sha256": self.plan.sha256}

    @property
    def details(self) -> dict[str, Any]:
        """Further numbers for run.json."""
        return {"balance": dict(self.plan.numbers)} if self.plan.numbers else {}

    def folder(self, name: str) -> Path:
        """Where a twin is written."""
        return self.out / name if name else self.out

    def twin(self, name: str) -> Summary:
        """Write one complete output: every picture once."""
        out, number = self.folder(name), self.angles.twins.index(name) - self.angles.include_original
        batch = BatchPlan(
            tool="rotaug",
            dataset=self.fmt.name,
            root=self.root,
            out=out,
            recipe=self.recipe | {"twin": name},
            limit=self.options.limit,
            jobs=self.options.jobs,
            resume=self.options.resume,
            overwrite=self.options.overwrite,
            details=self.details,
        )

        def entries() -> Iterator[Planned]:
            for entry in self.fmt.index(self.root):
                theta = 0.0 if number < 0 else self.plan.known(entry.id, number)
                yield Planned(entry.id, entry.image, entry.labels, theta)

        work = TurnOne(self.fmt, self.root, out, self.turn, self.plan.drawn(number))
        return run_batch(batch, entries, work, lambda: self.fmt.copy_shared(self.root, out), quiet=self.quiet)

    @contextmanager
    def held(self) -> Iterator[dict[str, Any]]:
        """Hold OUT while its twins are written; its run.json says what they are."""
        options = self.options
        with open_output(self.out, resume=options.resume, overwrite=options.overwrite) as earlier:
            run: dict[str, Any] = {
                "tool": "rotaug",
                "status": "running",
                "dataset": self.fmt.name,
                "root": str(self.root.resolve()),
                "recipe": self.recipe,
                "recipe_sha256": digest(self.recipe),
                "versions": versions(),
                "limit": options.limit,
                "total": 0,
                "twins": list(self.angles.twins),
                **self.details,
            }
            if earlier is not None:
                check_same_job(self.out, earlier, run | {"total": earlier.get("total", 0)})
            try:
                run["chain"] = inherit_chain(self.root, self.out)
                write_run(self.out, run)
                run["status"] = "stopped"
                yield run
                run["status"] = "complete"
            except OSError as error:
                raise output_error(error, self.out) from error
            finally:
                write_run(self.out, run)

    def record(self) -> Written:
        """Write labels.csv and the histograms, and add their numbers to run.json."""
        try:
            written = write_records(self.out, {name: self.folder(name) for name in self.angles.twins})
            run = read_run(self.out) or {}
            run["spread"] = written.spread.numbers()
            run["left_out"] = dict(sorted(written.left_out.items()))
            write_run(self.out, run)
        except OSError as error:
            raise output_error(error, self.out) from error
        return written
