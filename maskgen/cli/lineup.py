"""maskgen lineup: Train networks, or variants of one, on one protocol and print one table with intervals.

Finished runs are read, not trained again, so a stopped comparison goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError
from .options import FOLDER


@click.command("lineup")
@click.argument("networks", nargs=-1, metavar="[NETWORK]...")
@click.option("--config", "base", default="quick/model2", show_default=True, help="Base YAML file or preset.")
@click.option("--variant", "variants", multiple=True, metavar="LABEL: K=V; K=V", help="A line of its own.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override for all lines.")
@click.option("--seeds", type=click.IntRange(1, 100), default=1, show_default=True, help="Seeds 0..N-1.")
@click.option("--full-size", is_flag=True, help="Networks as published; else their small relatives.")
@click.option("--out", type=FOLDER, default=Path("runs/lineup"), show_default=True, help="Run folders.")
@click.option("--root", type=FOLDER, metavar="DIR", help="Folder that holds the datasets (data.root).")
@click.option("--quiet", "-q", is_flag=True, help="No progress; the table only.")
def command(
    networks: tuple[str, ...],
    base: str,
    variants: tuple[str, ...],
    overrides: tuple[str, ...],
    seeds: int,
    full_size: bool,
    out: Path,
    root: Path | None,
    quiet: bool,
) -> int:
    """Train networks, or variants of one, on one protocol and print one table with intervals.

    Without names all networks are compared. Errors count misses as 0/0/0; the gap is masked minus clean on
    the same pictures; intervals (95 %) are over pictures and seeds; later lines are compared with the first.

    \b
    maskgen lineup --root DATA                        # every network, quick protocol
    maskgen lineup hopenet siamese_rank --seeds 3 --root DATA
    maskgen lineup --variant "random: model.name=mhpe; model.options.selector=random" \\
                    --variant "gaussian: model.name=mhpe; model.options.selector=gaussian"
    """
    from ..hpe import lineup
    from ..hpe.trainer import Stopped

    lines = [lineup.variant(text) for text in variants]
    if networks or not lines:
        names = networks or tuple(lineup.everything())
        lines = [*lines, *(lineup.network(name, tiny=not full_size) for name in names)]
    wanted = [*overrides, *([f"data.root={root}"] if root is not None else [])]

    def report(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    try:
        found = lineup.run_all(base, lines, out, seeds=range(seeds), overrides=wanted, report=report)
    except Stopped as stopped:
        click.echo(f"Stopped: {stopped}, the same command goes on", err=True)
        return 128 + stopped.signal
    if all(line.wrong for line in found):
        raise UsageError(f"no line can be trained: {found[0].failure}")
    click.echo(lineup.write(found, out), nl=False)
    report(f"written to {out}")
    return 1 if all(line.failure for line in found) else 0
