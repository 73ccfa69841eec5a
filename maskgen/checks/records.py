"""Checks of a generated dataset's own records: run.json, the manifest, and the hashes of every file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..io.files import TEMPORARY_PREFIX, sha256_file
from ..jobs.manifest import read_manifest
from ..jobs.outcome import Outcome
from ..jobs.output import RECORDS, read_run
from ..sample import Entry
from .finding import Finding
from .pictures import Facts


def read_records(root: Path) -> tuple[dict[str, Any] | None, dict[str, Outcome], list[Finding]]:
    """(run.json or None, outcomes by id, findings). A dataset without records is an original: no finding."""
    run = read_run(root)
    if run is None:
        if (root / RECORDS).exists():
            text = f"{RECORDS}/run.json is missing or damaged, so nothing says how this was made"
            return None, {}, [Finding("manifest.run", "error", "", text)]
        return None, {}, []
    found: list[Finding] = []
    if run.get("status") != "complete":
        text = f"the run that made this is {run.get('status', 'unfinished')}; finish it with --resume"
        found.append(Finding("manifest.incomplete", "error", "", text))
    if not has_manifest(run):
        return run, {}, found
    path = root / RECORDS / "manifest.jsonl"
    try:
        outcomes = list(read_manifest(root))
    except FileNotFoundError:
        found.append(Finding("manifest.missing", "error", "", f"{RECORDS}/manifest.jsonl is missing"))
        return run, {}, found
    except ValueError as error:
        found.append(Finding("manifest.broken", "error", "", str(error)))
        return run, {}, found
    known = run.get("manifest_sha256")
    if known and sha256_file(path) != known:
        text = "manifest.jsonl was changed: its SHA-256 is not the one in run.json"
        found.append(Finding("manifest.changed", "error", "", text))
    by_id = {o.id: o for o in outcomes}
    if len(by_id) != len(outcomes):
        found.append(Finding("manifest.double", "error", "", "an id has more than one line in the manifest"))
    return run, by_id, found


def has_manifest(run: Mapping[str, Any]) -> bool:
    """Whether each picture has its line: not in clean twins (apply --control), nor in synthetic originals."""
    return "control_of" not in run and run.get("tool") in ("maskgen", "rotaug")


def check_shared(root: Path, shared: Mapping[str, str]) -> list[Finding]:
    """The files that belong to no single picture are those that were written."""
    found = []
    for name, known in shared.items():
        path = root / name
        if not path.is_file():
            found.append(Finding("file.missing", "error", "", f"{name} is not there"))
        elif known and sha256_file(path) != known:
            text = f"{name} is not the file that was written (SHA-256 differs)"
            found.append(Finding("file.changed", "error", "", text))
    return found


def check_listing(entries: Iterable[Entry], outcomes: Mapping[str, Outcome]) -> list[Finding]:
    """Every picture has its line, and every line that names an output its picture."""
    ids = {e.id for e in entries}
    found = [
        Finding("manifest.unlisted", "error", i, "the picture has no line in the manifest")
        for i in sorted(ids - outcomes.keys())
    ]
    for outcome in outcomes.values():
        if outcome.output is not None and outcome.id not in ids:
            found.append(Finding("file.missing", "error", outcome.id, f"{outcome.output} is not there"))
        if outcome.status == "failed":
            found.append(Finding("outcome.failed", "warning", outcome.id, "; ".join(outcome.reasons)))
        elif outcome.status == "degraded":
            found.append(Finding("outcome.degraded", "note", outcome.id, "; ".join(outcome.reasons)))
    return found


def check_files(root: Path, outcome: Outcome, facts: Facts) -> None:
    """Every file that the manifest lists for one picture is there with its hash."""
    for name, known in outcome.files.items():
        path = root / name
        if not path.is_file():
            facts.say("file.missing", "error", f"{name} is not there")
            continue
        try:
            digest = facts.sha256 if name == outcome.output and facts.sha256 else sha256_file(path)
        except OSError as error:
            facts.say("file.unreadable", "error", f"{name}: {error.strerror or error}")
            continue
        if digest != known:
            facts.say("file.changed", "error", f"{name} is not the file that was written (SHA-256 differs)")


def check_strays(root: Path, outcomes: Mapping[str, Outcome], shared: Iterable[str]) -> list[Finding]:
    """Files that no record knows: left by a crash, or put there by hand."""
    known = {name for o in outcomes.values() for name in o.files} | set(shared)
    kinds: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name).relative_to(root)
            if path.parts[0] == RECORDS or path.as_posix() in known:
                continue
            kind = "unfinished" if name.startswith(TEMPORARY_PREFIX) else "unlisted"
            kinds[kind] += 1
            examples.setdefault(kind, path.as_posix())
    words = {"unfinished": "left by a killed run", "unlisted": "not in the manifest"}
    return [
        Finding(f"file.{k}", "warning", "", f"{n} file(s) {words[k]}, for example {examples[k]}")
        for k, n in sorted(kinds.items())
    ]
