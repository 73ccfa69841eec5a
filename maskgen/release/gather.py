"""Everything a release is made from: the masked dataset read, hashed, checked, split and tabulated."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..checks.dataset import CheckOptions, check_dataset
from ..checks.finding import Finding
from ..datasets.base import DatasetFormat
from ..datasets.registry import get_format
from ..errors import UsageError
from ..io.files import sha256_file
from ..jobs.outcome import Outcome
from ..jobs.output import RECORDS, read_run
from .audit import Audit, audit, outcomes_of_plain
from .licence import SYNTH, Right, gate, is_synthetic
from .model import check_names, parse_manifest
from .options import PackageOptions
from .presets import preset_of
from .rows import Row, make_rows
from .splits import Splits, make_splits
from .wearing import wearing


@dataclass
class Content:
    """Everything a release is made from. info: release.json, once it is written (`info.release_info`).

    manifest: its text without places of this machine. groups: by picture id, who must stay in one split.
    """

    fmt: DatasetFormat
    root: Path
    run: dict[str, Any]
    manifest: str
    outcomes: list[Outcome]
    options: PackageOptions
    right: Right
    name: str
    errors: list[Finding]
    audit: Audit
    groups: Mapping[str, str]
    splits: Splits
    rows: list[Row]
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def wears_masks(self) -> bool:
        """Whether any picture shows a painted mask."""
        return any(row.mask for row in self.rows)

    @property
    def pixels(self) -> dict[str, str]:
        """SHA-256 of decoded pixels by picture."""
        found = self.audit.found
        return {o.output: found[o.id].pixels or "" for o in self.outcomes if o.output and found[o.id].pixels}


def gather(masked: Path, options: PackageOptions) -> Content:
    """Read the dataset in ``masked``; nothing is written.

    Raises UsageError: no finished output of maskgen, failing checks without ``options.despite``, pictures
    that may not leave without ``options.right``.
    """
    run = read_run(masked)
    if run is None:
        raise UsageError(
            f"{masked} holds no sound {RECORDS}/run.json; package takes an output of maskgen apply"
        )
    fmt = get_format(str(run.get("dataset") or run.get("layout")))
    root = run.get("root")
    right = gate(options.kind, fmt.name, is_synthetic(run, Path(root) if root else None), options.right)
    plain_set = run.get("tool") == SYNTH
    if options.kind == "recipe":
        _check_recipe(masked, run)
    text, outcomes = _read_manifest(fmt, masked, run, plain_set)
    for layer in options.layers:
        _check_layer(masked, layer, outcomes)
    shared = run.setdefault("shared", {})
    if plain_set:
        shared.update({str(n): sha256_file(masked / n) for n in fmt.shared_files(masked)})
    check_names(outcomes, shared)
    audited = audit(fmt, masked, outcomes, shared, pixels=options.pixels, jobs=options.jobs)
    errors = _failing(masked, options, audited)
    name = options.name or _default_name(masked, run, options.kind)
    groups = {o.id: fmt.person(o.id) for o in outcomes if o.output}
    splits = make_splits(groups, options.ratios, options.split_seed)
    rows = make_rows(outcomes, audited, groups, splits, wearing(masked, run, outcomes))
    return Content(
        fmt, masked, run, text, outcomes, options, right, name, errors, audited, groups, splits, rows
    )


def _check_recipe(masked: Path, run: Mapping[str, Any]) -> None:
    if run.get("tool") == SYNTH:
        raise UsageError(f"{masked} is synthetic and holds no recipe of masks; package it by --kind images")
    own = [n for n in run.get("recipe", {}).get("fabrics", {}) if Path(n).suffix or "/" in n or "\\" in n]
    if own:
        raise UsageError(
            f"the fabric {own[0]!r} is a file of this machine, which a recipe cannot carry: put it into a "
            "folder of templates (docs/styles.md), apply with --templates, and package that"
        )


def _read_manifest(
    fmt: DatasetFormat, masked: Path, run: Mapping[str, Any], plain_set: bool
) -> tuple[str, list[Outcome]]:
    """The manifest as it stands: to write every line anew would take longer than to hash its files."""
    try:
        if plain_set:
            text = "".join(o.to_line() for o in outcomes_of_plain(fmt, masked))
        else:
            text = (masked / RECORDS / "manifest.jsonl").read_text(encoding="utf-8")
        text = without(places(masked, run), text)
        return text, list(parse_manifest(text))
    except (OSError, ValueError) as error:
        raise UsageError(f"{masked}: {error}; finish the run with --resume first") from error


def _check_layer(masked: Path, layer: str, outcomes: list[Outcome]) -> None:
    prefix = f"{RECORDS}/{layer}/"
    if not any(name.startswith(prefix) for o in outcomes for name in o.files):
        raise UsageError(f"{masked} has no {layer} layer; apply with --save {layer} to release it")


def _failing(masked: Path, options: PackageOptions, audited: Audit) -> list[Finding]:
    """Errors of the checks. Raises UsageError unless there are none or their reason is told."""
    # the audit has hashed every file already: once is enough
    report = check_dataset(masked, CheckOptions(source=options.source, jobs=options.jobs, hashes=False))
    errors = [f for f in report.findings if f.severity == "error"]
    errors += [Finding("file.changed", "error", a.id, p) for a in audited.found.values() for p in a.problems]
    errors += [Finding("file.changed", "error", "", p) for p in audited.problems]
    if errors and not " ".join((options.despite or "").split()):
        first = errors[0]
        raise UsageError(
            f"{masked} fails its checks with {len(errors)} error(s), for example {first.code}: "
            f"{first.id + ': ' if first.id else ''}{first.message}; look with maskgen validate, mend it, or "
            'say why it is released all the same by --despite "REASON", which is printed in the card'
        )
    return errors


def _default_name(masked: Path, run: Mapping[str, Any], kind: str) -> str:
    preset = preset_of(run)
    base = preset.name if preset is not None else masked.resolve().name
    base = re.sub(r"[^\w.+-]+", "_", base).lstrip(".-+_") or "masked"
    return f"{base}-recipe" if kind == "recipe" else base


def places(masked: Path, run: Mapping[str, Any]) -> list[str]:
    """Absolute folders of this machine that messages may name, longest first."""
    found = {str(masked.resolve()), str(masked), str(run.get("root") or "")}
    return sorted((p for p in found if len(p) > 1 and os.path.isabs(p)), key=len, reverse=True)


def without(folders: list[str], text: str) -> str:
    """A JSON text without places of this machine: a release tells nothing about who made it."""
    for folder in folders:
        text = text.replace(json.dumps(folder, ensure_ascii=False)[1:-1], "ORIGINALS")
    return text
