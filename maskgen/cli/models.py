"""maskgen models: List the head-pose networks: paper, input, size, published numbers, open points."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..hpe.catalogue import Row

_HEADER = ("network", "title", "year", "input", "parameters", "MB", "AFLW2000", "BIWI", "open points")


@click.command("models")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list for programs.")
@click.option("--markdown", is_flag=True, help="Print a Markdown table.")
def command(names: tuple[str, ...], as_json: bool, markdown: bool) -> int:
    """List the head-pose networks, or tell all about the named ones.

    AFLW2000 and BIWI are published mean absolute errors in degrees after training on 300W-LP; "open points"
    counts what the source leaves open. Name a network to read them, each with the choice made here.
    Parameters are those of training, MB those of inference.

    \b
    maskgen models
    maskgen models glpose mhpe
    maskgen models --json
    """
    from ..hpe.catalogue import rows

    if as_json and markdown:
        raise click.UsageError("--json and --markdown are two forms of one output; give one of them")
    found = rows(names)
    if as_json:
        click.echo(json.dumps([row.as_dict() for row in found], indent=2))
    elif markdown:
        click.echo(_markdown(found))
    elif names:
        click.echo("\n\n".join(_card(row) for row in found))
    else:
        click.echo(_table(found))
        click.echo("\nmaskgen models NAME tells the paper, licence, options, and every open point.")
    return 0


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        row.card.title,
        str(row.card.year or "-"),
        f"{row.size} px {row.channels[:3]}" if row.size else "-",
        _number(row.parameters, 0),
        _number(row.megabytes, 1),
        _number(row.published("p1-aflw2000")),
        _number(row.published("p1-biwi")),
        str(len(row.card.ambiguities)),
    )


def _table(found: list[Row]) -> str:
    lines = [_HEADER, *map(_cells, found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADER))]
    right = range(4, len(_HEADER))
    return "\n".join(
        "  ".join(
            c.rjust(w) if i in right else c.ljust(w)
            for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _markdown(found: list[Row]) -> str:
    head = f"| {' | '.join((*_HEADER[:-1], 'paper', 'licence'))} |"
    rule = "|---" * (len(_HEADER) + 1) + "|"
    body = [f"| {' | '.join((*_cells(r)[:-1], r.card.paper, r.card.licence))} |" for r in found]
    return "\n".join([head, rule, *body])


def _card(row: Row) -> str:
    card = row.card
    lines = [f"{row.name}: {card.title}", f"  paper       {card.paper}", f"  licence     {card.licence}"]
    if row.parameters is not None and row.inference is not None:
        lines.append(f"  input       {row.size} x {row.size} px {row.channels}; crop policy {row.crop}")
        lines.append(f"  parameters  {row.parameters:,} in training, {row.inference:,} at inference")
        lines.append(f"  batches     {row.batches}")
        lines.append(f"  options     {', '.join(row.options) or 'none'}")
    else:
        lines.append("  cannot be built; listed for its published numbers")
    if card.published:
        lines.append("  published   yaw / pitch / roll / mean, degrees ('-': not given)")
        for protocol, values in card.published.items():
            lines.append(f"    {protocol:<28} {' / '.join(_number(v) for v in values)}")
    if card.ambiguities:
        lines.append("  open points, and the choice made here")
        lines += [f"    - {text}" for text in card.ambiguities]
    if card.notes:
        lines.append(f"  notes       {card.notes}")
    return "\n".join(lines)
