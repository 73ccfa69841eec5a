"""maskgen sheet: Put many pictures of a masked dataset on one contact sheet."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import UsageError
from .options import FOLDER


@click.command("sheet")
@click.argument("masked", type=FOLDER)
@click.option("--out", type=FOLDER, default=Path("sheet.png"), show_default=True, metavar="FILE")
@click.option("-n", "count", type=click.IntRange(1), default=48, show_default=True, help="How many pictures.")
@click.option("--columns", type=click.IntRange(1), default=6, show_default=True)
@click.option(
    "--size", type=click.IntRange(16), default=224, show_default=True, help="Height of one, pixels."
)
@click.option(
    "--only", type=click.Choice(["ok", "degraded", "skipped"]), help="Only pictures with this outcome."
)
@click.option("--alone", is_flag=True, help="Without the source beside each picture.")
def command(
    masked: Path, out: Path, count: int, columns: int, size: int, only: str | None, alone: bool
) -> int:
    """Put pictures of MASKED, an output of `maskgen apply` or `rotaug`, on a sheet, each beside its source.

    The pictures are cropped to the face and spread evenly over the dataset.
    """
    from ..jobs.outcome import DONE
    from ..report.contact import check_name, contact_sheet, masked_tiles, write_sheet

    check_name(out)
    statuses = (only,) if only else DONE
    tiles = list(masked_tiles(masked, count, statuses=statuses, pairs=not alone))
    if not tiles:
        raise UsageError(f"{masked}: no picture of it is {' or '.join(statuses)}")
    write_sheet(out, contact_sheet(tiles, columns, (size if alone else 2 * size, size)))
    click.echo(out)
    return 0
