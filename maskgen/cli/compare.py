"""maskgen compare: Train the same network on different data over several seeds, and compare masked gaps.

Finished runs are kept, so a comparison that was stopped goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError
from .options import FOLDER, Number

#: exit code where a threshold is missed
BELOW = 3


@click.command("compare")
@click.argument("comparison")
@click.option("--out", type=FOLDER, metavar="DIR", help="Folder of the runs; default: runs/COMPARISON.")
@click.option("--root", type=FOLDER, metavar="DIR", help="Folder that holds the datasets and their twins.")
@click.option("--seeds", metavar="A,B,...", help="Other seeds than the comparison's own.")
@click.option("--models", metavar="A,B,...", help="Only these models, and the baseline.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override for every run.")
@click.option(
    "--max-gap", type=Number(), metavar="DEG", help="A model but the baseline above it: exit code 3."
)
@click.option(
    "--must-close", metavar="A,B,...", help="Exit code 3 unless these gaps are significantly smaller."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress; tables and errors only.")
def command(
    comparison: str, out: Path | None, root: Path | None, seeds: str | None, models: str | None,
    overrides: tuple[str, ...], max_gap: float | None, must_close: str | None, quiet: bool,
) -> int:  # fmt: skip
    """Train and compare as COMPARISON says: a YAML file or a preset (compare/quick, compare/full, ...).

    \b
    maskgen synth --like AFLW2000 -n 480 --masked truth --out DATA/AFLW2000
    maskgen compare compare/quick --root DATA --must-close model2
    """
    from ..hpe import compare
    from ..hpe.trainer import Stopped

    wanted = [*overrides, *([f"data.root={root}"] if root is not None else [])]
    plan, configs = compare.load_comparison(comparison, wanted, _numbers(seeds))
    if models is not None:
        chosen = [plan.baseline, *(m.strip() for m in models.split(",") if m.strip() != plan.baseline)]
        unknown = [m for m in chosen if m not in configs]
        if unknown:
            raise UsageError(f"no model {unknown[0]!r} in {comparison}; there are {', '.join(configs)}")
        configs = {m: configs[m] for m in chosen}
    closing = [m.strip() for m in must_close.split(",")] if must_close else []
    for name in closing:
        if name not in configs or name == plan.baseline:
            raise UsageError(
                f"--must-close {name}: name a model of the comparison other than {plan.baseline}"
            )
    folder = out if out is not None else Path("runs") / Path(comparison).stem

    def report(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    try:
        content = compare.run_comparison(plan, configs, folder, report)
    except Stopped as stopped:
        click.echo(f"Stopped: {stopped}, the same command goes on", err=True)
        return 128 + stopped.signal
    click.echo(compare.comparison_markdown(content), nl=False)
    missed = [f"{m}: the gap is not significantly smaller" for m in closing if not compare.closed(content, m)]
    for name, gaps in compare.mean_gaps(content).items():
        if max_gap is not None and name != plan.baseline and gaps > max_gap:
            missed.append(f"{name} has a gap of {gaps:.2f} degrees, {max_gap:g} allowed")
    if missed:
        click.echo(f"failed: {'; '.join(missed)}", err=True)
        return BELOW
    return 0


def _numbers(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds is a list of whole numbers such as 0,1,2, got {text!r}") from None
