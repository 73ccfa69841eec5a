"""maskgen table: Print finished runs side by side, in the form of the literature's tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

FORMS = ("sets", "one-stage", "selectors", "size", "range")


@click.command("table")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--form", type=click.Choice(FORMS), default="sets", show_default=True, help="Columns; see below."
)
def command(runs: tuple[Path, ...], form: str) -> int:
    """Print finished runs side by side, in the form of the literature's tables.

    A RUN is the folder of `maskgen train` or `maskgen eval`, or its results.json.

    \b
    sets       all test sets side by side, and the always-zero row
    one-stage  "-" where a set was trained on, changes against the first run in brackets, misses counted
    selectors  reference selection, bins, std, and the cost-error product
    size       with megabytes
    range      by |true angle|

    \b
    maskgen table runs/model1 runs/model2 runs/model3 --form one-stage
    maskgen table runs/mhpe_* --form selectors
    """
    from ..report import forms, tables

    loaded = list(zip(_names(runs), map(_read, runs), strict=True))
    if form == "size":
        entries = [
            (f"{name}, {test}", content["model"], entry["scores"]["mae"])
            for name, content in loaded
            for test, entry in content["tests"].items()
            if "mae" in entry["scores"]
        ]
        click.echo(tables.size_table(entries), nl=False)
    elif form == "range":
        sets = {f"{name}, {test}": entry for name, c in loaded for test, entry in c["tests"].items()}
        click.echo(tables.range_table(sets), nl=False)
    else:
        make = {
            "sets": forms.both_sets_table,
            "one-stage": forms.one_stage_table,
            "selectors": forms.selector_table,
        }[form]
        click.echo(make(loaded), nl=False)
    return 0


def _names(runs: tuple[Path, ...]) -> list[str]:
    """Folder names of the runs; where two are alike (seed0, seed0), with the folder above."""
    folders = [run.resolve().parent if run.suffix == ".json" else run.resolve() for run in runs]
    plain = [f.name for f in folders]
    return plain if len(set(plain)) == len(plain) else [f"{f.parent.name}/{f.name}" for f in folders]


def _read(run: Path) -> dict[str, Any]:
    """The results of a run. Raises UsageError if there are none or they are something else."""
    from ..errors import UsageError

    path = run if run.suffix == ".json" else run / "results.json"
    if not path.is_file():
        raise UsageError(f"{run} holds no results.json; finish the run, or give its folder")
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        tests = content["tests"]
        # the zero row is in the scores of every test set, whatever the form
        known = all(entry["scores"]["zero_baseline"] for entry in tests.values())
        if not known or not content["model"]["name"]:
            raise ValueError("scores are missing")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is no results file of maskgen train or maskgen eval") from error
    if not tests:
        raise UsageError(f"{path} has no test sets; evaluate the run on some (data.test)")
    return content
