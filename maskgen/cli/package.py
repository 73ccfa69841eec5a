"""maskgen package: Make a release of a masked dataset that anyone may publish.

By default it holds no picture: recipe, drawn values and hashes, from which `maskgen rebuild` makes the same
bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from .options import FOLDER, jobs_option

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


class _Size(click.ParamType):  # type: ignore[type-arg]
    """Bytes: 500000, 90M, 2G (thousands, as hubs and disks count)."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of bytes."""
        text = str(value).strip().upper().removesuffix("B")
        unit = text[-1:] if text[-1:] in ("K", "M", "G") else ""
        number = text.removesuffix(unit)
        if not number.isdigit() or int(number) < 1:
            self.fail(f"{value!r} is no size such as 500000, 90M or 2G", param, ctx)
        return int(number) * _UNITS[unit]


@click.command("package")
@click.argument("masked", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, metavar="DIR", help="The release; new or empty.")
@click.option(
    "--kind",
    type=click.Choice(["recipe", "images"]),
    default="recipe",
    show_default=True,
    help="recipe holds no picture; images only with --i-have-the-right, or for synthetic data.",
)
@click.option(
    "--i-have-the-right", "right", metavar="REASON", help="Your right to give the pictures away; in the card."
)
@click.option("--despite", metavar="REASON", help="Release although checks fail; printed in the card.")
@click.option("--source", type=FOLDER, metavar="DIR", help="The originals, where they moved; for the checks.")
@click.option("--name", metavar="NAME", help="Name of the release; default: the folder's.")
@click.option("--version", default="1.0.0", show_default=True, metavar="V", help="Version of the release.")
@click.option("--date", metavar="YYYY-MM-DD", help="Day of publication, for the hub and Croissant.")
@click.option(
    "--license",
    "licence",
    default="cc-by-4.0",
    show_default=True,
    help="Of recipe and numbers, or of synthetic pictures.",
)
@click.option("--previous", type=FOLDER, metavar="DIR", help="The release before this one, for CHANGELOG.md.")
@click.option("--note", metavar="TEXT", help="What is new, for CHANGELOG.md.")
@click.option(
    "--layers", default="", metavar="A,B", help="Also: alpha, segmentation (if applied with --save)."
)
@click.option(
    "--layout",
    type=click.Choice(["tree", "imagefolder", "webdataset"]),
    default="tree",
    show_default=True,
    help="How pictures are arranged, for --kind images.",
)
@click.option("--shard", type=click.IntRange(1), default=1000, show_default=True, help="Pictures a shard.")
@click.option(
    "--splits",
    default="train=0.8,val=0.1,test=0.1",
    show_default=True,
    metavar="A=P,B=P",
    help="Splits by group; shares of their sum.",
)
@click.option("--split-seed", type=click.IntRange(0), default=0, show_default=True, metavar="N")
@click.option("--no-pixels", is_flag=True, help="Do not decode pictures to hash their pixels.")
@click.option("--parquet", is_flag=True, help="Also index.parquet (maskgen[parquet]).")
@click.option("--archive", type=click.Choice(["zip", "tar.gz", "tar.zst"]), help="Pack the release.")
@click.option("--part-size", type=_Size(), help="Cut the archive into parts of so many bytes.")
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Replace an earlier release in --out.")
@click.option("--quiet", "-q", is_flag=True, help="No summary; errors only.")
def command(masked: Path, out: Path, **given: Any) -> int:
    """Make a release of the dataset in MASKED, an output of maskgen apply, that anyone may publish.

    The dataset's checks must pass. Pictures of 300W-LP, AFLW2000 and BIWI may not be given away, so the
    default release holds none: holders of the originals make the same bytes from it by maskgen rebuild.

    \b
    maskgen package AFLW2000_masked --out release
    maskgen package synth_masked --out release --kind images --layout imagefolder
    """
    from ..release.package import PackageOptions, package
    from ..release.splits import parse_ratios

    options = PackageOptions(
        kind=given["kind"],
        name=given["name"],
        version=given["version"],
        date=given["date"],
        licence=given["licence"],
        right=given["right"],
        despite=given["despite"],
        layers=tuple(filter(None, (piece.strip() for piece in given["layers"].split(",")))),
        layout=given["layout"],
        pixels=not given["no_pixels"],
        parquet=given["parquet"],
        archive=given["archive"],
        part=given["part_size"],
        ratios=parse_ratios(given["splits"]),
        split_seed=given["split_seed"],
        shard=given["shard"],
        jobs=given["jobs"],
        previous=given["previous"],
        note=given["note"],
        source=given["source"],
        overwrite=given["overwrite"],
    )
    try:
        made = package(masked, out, options)
    except OSError as error:
        where = error.filename or out
        raise UsageError(f"cannot write {where}: {error.strerror or error}") from error
    if not given["quiet"]:
        click.echo(made.text())
        click.echo(f"counts: {json.dumps(made.info['counts'])}")
    return 0
