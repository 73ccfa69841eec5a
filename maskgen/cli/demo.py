"""maskgen demo: See it work: synthetic heads in three layouts, masked, rotated, and shown on contact
sheets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import MaskgenError, UsageError
from .options import FOLDER, jobs_option

if TYPE_CHECKING:
    from ..report.contact import Tile

#: pictures of each layout
_COUNTS = {"300W-LP": 12, "AFLW2000": 24, "BIWI": 16}
_SHOWN = 8
_SHEETS = ("heads", "masked", "rotated")


@click.command("demo")
@click.option("--out", type=FOLDER, default=Path("maskgen_demo"), show_default=True, help="Output folder.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, metavar="N", help="Seed."
)
@jobs_option(default=0)
@click.option("--overwrite", is_flag=True, help="Delete an earlier demo and start anew.")
def command(out: Path, seed: int, jobs: int, overwrite: bool) -> int:
    """See it work, without any dataset: about a minute.

    Makes small synthetic datasets in the layouts of 300W-LP, AFLW2000 and BIWI, puts masks on them, turns
    them in the image plane, and prints the paths of contact sheets that show all three.
    """
    from ..report.contact import contact_sheet, write_sheet

    _check_folder(out)
    again = ["--overwrite"] if overwrite else []
    sheets: dict[str, list[Tile]] = {title: [] for title in _SHEETS}
    for name, count in _COUNTS.items():
        clean, masked, turned = (out / f"{name}{end}" for end in ("", "_masked", "_rotated"))
        common = ["--seed", str(seed), "--jobs", str(jobs), "--quiet", *again]
        click.echo(f"{name}: {count} heads, then masked and turned")
        _call("synth", ["--like", name, "--out", str(clean), "-n", str(count), *common])
        where = ["--dataset", name, "--root", str(clean)]
        _call("apply", [*where, "--out", str(masked), *common])
        _call("rotaug", [*where, "--out", str(turned), "--range", "-60", "60", *common])
        for title, folder in zip(sheets, (clean, masked, turned), strict=True):
            sheets[title] += _tiles(name, folder)
    click.echo("look at:")
    for title, tiles in sheets.items():
        path = out / f"{title}.png"
        write_sheet(path, contact_sheet(tiles, columns=_SHOWN, size=(220, 220)))
        click.echo(f"  {path.resolve()}")
    return 0


def _check_folder(out: Path) -> None:
    """UsageError where ``out`` is a file, or holds anything but an earlier demo."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; name a folder for the demo")
    own = {f"{name}{end}" for name in _COUNTS for end in ("", "_masked", "_rotated")}
    own |= {f"{title}.png" for title in _SHEETS}
    others = sorted(path.name for path in out.iterdir() if path.name not in own) if out.is_dir() else []
    if others:
        raise UsageError(f"--out {out} holds other things ({others[0]}); name a new or an empty folder")


def _call(name: str, args: list[str]) -> None:
    """Run another command in this process; its failure is this one's."""
    if name == "rotaug":
        from rotaug.cli import command as called
    else:
        from .main import LazyGroup

        found = LazyGroup().get_command(click.Context(click.Command("maskgen")), name)
        assert found is not None
        called = found
    code = called.main(args=args, prog_name=name, standalone_mode=False)
    if code:
        raise MaskgenError(f"{name} {' '.join(args)} ended with code {code}")


def _tiles(name: str, folder: Path) -> list[Any]:
    """Some pictures of a dataset, cropped to the head, with the label below."""
    import numpy as np

    from ..datasets.registry import get_format
    from ..io.images import read_image
    from ..report.contact import Tile

    fmt = get_format(name)
    entries = [entry for entry in fmt.index(folder) if "_Flip" not in entry.id]
    tiles = []
    for k in np.linspace(0, len(entries) - 1, _SHOWN).astype(int):
        sample = fmt.read(folder, entries[k])
        image = read_image(folder / entries[k].image).bgr
        if sample.calibration is not None and sample.head_centre is not None:
            x, y = sample.calibration.project(sample.calibration.from_reference(sample.head_centre)).astype(
                int
            )
            x0, y0 = max(x - 110, 0), max(y - 110, 0)
            image = np.ascontiguousarray(image[y0 : y0 + 220, x0 : x0 + 220])
        angles = "/".join(f"{angle:.0f}" for angle in sample.label_angles or ())
        tiles.append(Tile(image, f"{name} yaw/pitch/roll {angles}"))
    return tiles
