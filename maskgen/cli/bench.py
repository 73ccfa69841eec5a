"""maskgen bench: Measure parts of the program against an exact truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .options import FOLDER, check_file, jobs_option

if TYPE_CHECKING:
    from ..synth.bench import Triple


@click.group("bench")
def command() -> None:
    """Measure parts of the program against an exact truth."""


@command.command("painter")
@click.option(
    "-n", "count", type=click.IntRange(1), default=12, show_default=True, metavar="N", help="Heads a style."
)
@click.option("--styles", metavar="A,B", help="Mask styles; default: all that are opaque.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, metavar="N", help="Seed."
)
@click.option("--out", type=FOLDER, metavar="FILE", help="Also write all figures as JSON.")
@click.option("--sheet", type=FOLDER, metavar="FILE", help="Also a contact sheet: clean, truth, painted.")
@jobs_option()
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def painter(count: int, styles: str | None, seed: int, jobs: int, **given: Any) -> int:
    """Compare painted masks with real ones: same head, light and camera, the mask worn as a mesh.

    Medians for every style and range of yaw: PSNR and SSIM inside the mask (bare: the unpainted picture's
    PSNR there), IoU of the silhouettes, brightness and shading error in stops.
    """
    from ..jobs.parallel import pin_threads, resolve_jobs

    pin_threads()
    from dataclasses import asdict

    from ..io.files import atomic_write
    from ..jobs.progress import Progress
    from ..report.contact import check_name, contact_sheet, write_sheet
    from ..synth.bench import plan, run, table
    from ..synth.truth import pick_styles

    check_file(given["out"], "--out")
    if given["sheet"] is not None:
        check_name(given["sheet"])
    heads = plan(pick_styles(styles), count, seed)
    meter = Progress(len(heads), label="heads", quiet=given["quiet"])
    scores, tiles = [], []
    for triple in run(heads, seed, resolve_jobs(jobs)):
        meter.update()
        if triple.score is not None:
            scores.append(triple.score)
        if given["sheet"] is not None:
            tiles += _tiles(triple)
    meter.close()
    rows = table(scores)
    click.echo(_text(rows))
    if len(scores) < len(heads):
        click.echo(f"{len(heads) - len(scores)} heads are turned away too far to show a mask")
    if given["out"] is not None:
        data = {"seed": seed, "medians": rows, "heads": [asdict(score) for score in scores]}
        atomic_write(given["out"], (json.dumps(data, indent=1) + "\n").encode())
    if given["sheet"] is not None:
        write_sheet(given["sheet"], contact_sheet(tiles, columns=6, size=(300, 300)))
    return 0


def _tiles(triple: Triple) -> list[Any]:
    from ..report.contact import Tile

    painted = triple.painted if triple.painted is not None else triple.clean
    yaw = f"{triple.job.style} yaw {triple.job.angles[0]:.0f}"
    note = "" if triple.score is None else f" {triple.score.psnr:.1f} dB IoU {triple.score.iou:.2f}"
    return [Tile(triple.clean, yaw), Tile(triple.truth, "truth"), Tile(painted, f"painted{note}")]


_COLUMNS = {
    "style": "{:14s}",
    "yaw": "{:>6s}",
    "heads": "{:>5}",
    "psnr": "{:>7}",
    "bare_psnr": "{:>9}",
    "ssim": "{:>6}",
    "iou": "{:>6}",
    "level": "{:>6}",
    "level_size": "{:>10}",
    "shading": "{:>7}",
}


def _text(rows: list[dict[str, Any]]) -> str:
    lines = [" ".join(form.format(name) for name, form in _COLUMNS.items())]
    for row in rows:
        shown = {key: f"{value:.2f}" if isinstance(value, float) else value for key, value in row.items()}
        lines.append(" ".join(form.format(shown[name]) for name, form in _COLUMNS.items()))
    return "\n".join(lines)
