"""maskgen apply: dataset x recipe -> masked dataset.

The output has the input's tree, file names and labels, byte for byte; its pictures are encoded like their
sources. Everything else lies under OUT/_maskgen/ (see `jobs.manifest`, and docs/apply.md for every file).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from .apply_one import ApplyOptions, MaskOne, sources_of
from .datasets.base import DatasetFormat
from .io.files import sha256_bytes
from .jobs.batch import BatchPlan, Summary, run_batch
from .jobs.manifest import digest, versions, write_run
from .jobs.outcome import Outcome
from .jobs.output import RECORDS, check_apart, check_output, open_output, output_error, read_run
from .jobs.resume import same_files
from .masks.catalogue import Catalogue
from .recipe import Recipe, draw

#: said on stderr before nothing moves for a while
FIRST_START = "first start: the painter is compiled, which takes about half a minute and is kept"
#: said where masks would be painted on masks
ON_TOP = "new masks go on top of those it holds; --root names the original"


def apply_recipe(
    fmt: DatasetFormat,
    root: Path,
    out: Path,
    recipe: Recipe,
    options: ApplyOptions | None = None,
    *,
    identity: Mapping[str, Any] | None = None,
    quiet: bool = True,
) -> Summary:
    """Write the masked twin of the dataset at ``root`` to ``out``.

    recipe: resolved against the catalogue. identity: further plain values that decide the bytes, such as the
    hashes of the templates (`template_hashes`); resuming demands the same.
    Every input has its line in OUT/_maskgen/manifest.jsonl; a bad one is recorded and the batch goes on.
    Raises UsageError before anything is written, OutputError where the disk gives up, KeyboardInterrupt.
    """
    options = options or ApplyOptions()
    control = options.control
    plan = BatchPlan(
        tool="maskgen",
        dataset=fmt.name,
        root=root,
        out=out,
        recipe={
            **recipe.as_dict(),
            "on_fail": options.on_fail,
            "strict": options.strict,
            "jpeg": options.jpeg,
            "control": control is not None,
            "landmarks": options.landmarks,
            **(identity or {}),
        },
        limit=options.limit,
        jobs=options.jobs,
        resume=options.resume,
        overwrite=options.overwrite,
    )
    check_call(root, out, options)
    targets = [out] if control is None else [out, control]
    if not quiet and not kernels_are_kept():
        _say(FIRST_START)
    if not quiet and is_masked(root):
        _say(f"Warning: {root} is an output of maskgen apply: {ON_TOP}")
    work = MaskOne(fmt, root, out, recipe, options)
    keeps = None if control is None else ControlHolds(control)
    with ExitStack() as stack:
        if control is not None:
            stack.enter_context(open_output(control, resume=options.resume, overwrite=options.overwrite))
            _write_control_run(control, plan, "running")
        shared = partial(fmt.copy_shared, root, *targets)
        summary = run_batch(plan, lambda: fmt.index(root), work, shared, keeps=keeps, quiet=quiet)
        if control is not None:
            _write_control_run(control, plan, "complete")
    return summary


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # where nobody can read it, the work goes on
        print(text, file=sys.stderr, flush=True)


def is_masked(root: Path) -> bool:
    """Whether a dataset is what `apply_recipe` wrote, clean twins left out."""
    run = read_run(root)
    return run is not None and run.get("tool") == "maskgen" and "styles" in run.get("recipe", {})


def kernels_are_kept() -> bool:
    """Whether numba's cache holds the painter's compiled kernels, made after their source."""
    from .paint import composite

    source = Path(composite.__file__)
    kept = Path(str(composite.lay.stats.cache_path)).glob(f"{source.stem}.lay-*.nbi")
    return any(file.stat().st_mtime >= source.stat().st_mtime for file in kept)


def check_call(root: Path, out: Path, options: ApplyOptions) -> None:
    """All refusals before the first folder is touched: raises UsageError where `apply_recipe` would."""
    sources_of(options.landmarks, options.weights)  # a word that is none is found out here, once
    for target, name in ((out, "--out"), (options.control, "--control")):
        if target is not None:
            check_apart(root, target, name, "masked" if target is out else "control")
            check_output(target, resume=options.resume, overwrite=options.overwrite)
    if options.control is not None:
        check_apart(out, options.control, "--control", "control", "output")


def _write_control_run(control: Path, plan: BatchPlan, status: str) -> None:
    run = {
        "tool": "maskgen",
        "status": status,
        "dataset": plan.dataset,
        "root": str(plan.root.resolve()),
        "recipe": {"control": True},
        "control_of": digest(plan.recipe),
        "versions": versions(),
    }
    try:
        write_run(control, run)
    except OSError as error:
        raise output_error(error, control) from error


def template_hashes(recipe: Recipe, catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Hashes of the styles and fabrics of a resolved recipe: the same name may paint otherwise one day.

    Raises UsageError for pictures that cannot be used.
    """
    catalogue.check(recipe.styles, recipe.fabrics)
    styles = {}
    for name in recipe.styles:
        digester = hashlib.sha256()
        for file in sorted(catalogue.style(name).folder.iterdir(), key=lambda item: item.name):
            if file.is_file() and not file.name.startswith("."):
                digester.update(f"{file.name}\0{sha256_bytes(file.read_bytes())}\n".encode())
        styles[name] = digester.hexdigest()
    fabrics = {name: sha256_bytes(catalogue.fabric(name).file.read_bytes()) for name in recipe.fabrics}
    return {"style_sha256": styles, "fabric_sha256": fabrics}


@dataclass(frozen=True)
class ControlHolds:
    """Whether the clean twin of an earlier outcome is still there, byte for byte."""

    control: Path

    def __call__(self, outcome: Outcome) -> bool:
        expected = {name: value for name, value in outcome.files.items() if not name.startswith(RECORDS)}
        if outcome.output is not None:
            expected[outcome.output] = outcome.control_sha256 or ""
        return same_files(self.control, expected)


@dataclass
class Preview:
    """What a run would do. bytes_in: size of the pictures and labels; about what the output will need."""

    total: int = 0
    masked: int = 0
    bytes_in: int = 0
    draws: dict[str, Counter[str]] = field(default_factory=dict)


def preview(fmt: DatasetFormat, root: Path, recipe: Recipe, limit: int | None = None) -> Preview:
    """Count what `apply_recipe` would read and draw, without opening a picture."""
    found = Preview(draws={name: Counter() for name in ("style", "color", "fabric", "wear")})
    for entry in islice(fmt.index(root), limit):
        found.total += 1
        for path in (entry.image, *entry.labels):
            try:
                found.bytes_in += os.stat(root / path).st_size
            except OSError:
                continue  # apply will say so in its manifest
        mask = draw(recipe, entry.id)
        if mask is not None:
            found.masked += 1
            for name, counter in found.draws.items():
                counter[str(asdict(mask)[name])] += 1
    return found
