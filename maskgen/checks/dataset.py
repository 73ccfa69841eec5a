"""All checks over one dataset: pictures in parallel, then what only the whole can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ..datasets import DatasetFormat, recognise
from ..errors import DatasetNotFound, UsageError
from ..jobs import parallel
from ..jobs.outcome import DONE, Outcome
from ..sample import Entry
from . import convention
from .finding import Finding, Report
from .pictures import Facts, check_picture
from .records import check_files, check_listing, check_shared, check_strays, has_manifest, read_records
from .twins import Origin, check_twin


@dataclass(frozen=True)
class CheckOptions:
    """source: the dataset this one was made from, if not where run.json says. limit: only so many pictures.

    hashes: compare every file with its SHA-256. min_quality: a painted mask below it is a warning.
    """

    source: Path | None = None
    limit: int | None = None
    jobs: int = 1
    hashes: bool = True
    min_quality: float = 0.3


@dataclass(frozen=True)
class _CheckOne:
    format: DatasetFormat
    root: Path
    outcomes: Mapping[str, Outcome] = field(repr=False)
    origin: Origin | None
    hashes: bool

    def __call__(self, entry: Entry) -> Facts:
        facts = Facts(entry.id, self.format.group(entry))
        pixels, sample = check_picture(self.format, self.root, entry, facts)
        outcome = self.outcomes.get(entry.id)
        if outcome is None or outcome.status not in DONE:
            return facts
        if self.hashes:
            check_files(self.root, outcome, facts)
        quality = outcome.numbers.get("quality")
        if isinstance(quality, int | float):
            facts.values["quality"] = float(quality)
        if self.origin is not None:
            check_twin(self.format, entry, outcome, self.origin, self.root, pixels, sample, facts)
        return facts


def check_dataset(
    root: Path, options: CheckOptions | None = None, progress: Callable[[int, int], None] | None = None
) -> Report:
    """Everything that can be found out about the dataset in ``root``.

    Raises DatasetNotFound where there is none, UsageError for a source that is no dataset of the same kind.
    One bad picture is a finding and never the end.
    """
    options = options or CheckOptions()
    for folder in filter(None, (root, options.source)):
        if not folder.is_dir():
            raise DatasetNotFound(f"{folder}: no such folder; name the folder of a dataset")
    fmt = recognise(root)
    if fmt is None:
        raise DatasetNotFound(f"{root} holds no dataset that is known; name the dataset's own folder")
    run, outcomes, findings = read_records(root)
    report = Report(str(root), fmt.name, findings=findings)
    entries = list(fmt.index(root))
    if outcomes:
        report.add(check_listing(entries, outcomes))
        if options.hashes and options.limit is None:
            shared = (run or {}).get("shared", {})
            report.add(check_shared(root, shared))
            report.add(check_strays(root, outcomes, shared))
    origin = _origin(root, fmt, run, options.source, report)
    chosen = list(islice(entries, options.limit))
    report.pictures = len(chosen)
    work = _CheckOne(fmt, root, outcomes, origin, options.hashes)
    facts: list[Facts] = []
    jobs = parallel.resolve_jobs(options.jobs)
    for fact in parallel.stream(work, chosen, jobs=jobs, total=len(chosen)):
        facts.append(fact)
        if progress is not None:
            progress(len(facts), len(chosen))
    _gather(report, facts, options)
    return report


def _origin(
    root: Path, fmt: DatasetFormat, run: Mapping[str, Any] | None, given: Path | None, report: Report
) -> Origin | None:
    if given is not None and not fmt.recognises(given):
        raise UsageError(f"the source {given} holds no {fmt.name} files")
    if run is None or not has_manifest(run):
        if given is not None:
            # enough for a network's gap; what was done to which picture only a manifest can tell
            text = f"{root} has no manifest, so its files were not compared with those of {given}"
            report.add([Finding("source.uncompared", "note", "", text)])
            report.numbers["source"] = str(given)
        return None
    source = given if given is not None else Path(str(run.get("root", "")))
    if not source.is_dir() or not fmt.recognises(source):
        text = f"the source {source} is not there, so labels and masks were not compared; give --source"
        report.add([Finding("source.missing", "note", "", text)])
        return None
    report.numbers["source"] = str(source)
    return Origin(source, str(run.get("tool")), run.get("recipe", {}))


def _gather(report: Report, facts: Sequence[Facts], options: CheckOptions) -> None:
    for fact in facts:
        report.add(fact.findings)
        for name, value in fact.values.items():
            report.columns.setdefault(name, {})[fact.id] = value
    verdict = convention.verdict([f.disagreement for f in facts if f.disagreement is not None])
    report.add(verdict.findings())
    report.numbers["convention"] = {"n": verdict.n, "best": verdict.best if verdict.n else None}
    if verdict.n:
        report.numbers["convention"]["medians"] = dict(verdict.medians)
    report.add(duplicates(facts))
    for name, column in report.columns.items():
        values = np.array(list(column.values()))
        quantiles = np.quantile(values, [0.0, 0.05, 0.5, 0.95, 1.0])
        report.numbers[name] = dict(
            zip(("min", "p5", "median", "p95", "max"), map(float, quantiles), strict=True)
        )
    low = {i: q for i, q in report.columns.get("quality", {}).items() if q < options.min_quality}
    for i, q in low.items():
        text = f"quality {q:.2f} is below {options.min_quality:g}; look at the picture"
        report.add([Finding("quality.low", "warning", i, text)])


def duplicates(facts: Sequence[Facts]) -> list[Finding]:
    """Pictures that are byte for byte the same, or look the same although their groups differ."""
    found = []
    by_hash: dict[str, list[Facts]] = defaultdict(list)
    by_look: dict[int, list[Facts]] = defaultdict(list)
    for fact in facts:
        if fact.sha256:
            by_hash[fact.sha256].append(fact)
        # a blank picture has no look: every such hash is alike
        if fact.look:
            by_look[fact.look].append(fact)
    for same in by_hash.values():
        for other in same[1:]:
            text = f"the same file as {same[0].id}"
            found.append(Finding("image.duplicate", "warning", other.id, text))
    for alike in by_look.values():
        for other in alike[1:]:
            if other.sha256 != alike[0].sha256 and other.group != alike[0].group:
                text = f"looks the same as {alike[0].id}, which counts as another person or photo"
                found.append(Finding("image.near_duplicate", "note", other.id, text))
    return found
