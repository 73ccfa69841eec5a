"""maskgen apply: Put masks on every face of a dataset.

The output has the same layout, file names and labels, so that every loader of the original reads it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    FOLDER,
    Number,
    batch_options,
    dataset_option,
    limit_option,
    megabytes,
    out_option,
    root_option,
    seed_option,
    templates_option,
    too_many_failures,
)

if TYPE_CHECKING:
    from ..apply import Preview
    from ..datasets.base import DatasetFormat

#: options that replace a value of the recipe
_RECIPE_KEYS = ("seed", "share", "styles", "colors", "fabrics", "fabric_share", "wear", "skew_deg", "save")


@click.command("apply")
@dataset_option
@root_option
@out_option
@click.option(
    "--recipe",
    "recipe_file",
    type=FOLDER,
    metavar="FILE",
    help="TOML file or preset:NAME; options win over it.",
)
@click.option("--styles", metavar="A,B:2", help="Mask styles, with weights if wanted; default: all.")
@click.option("--colors", metavar="A,B", help="Names, #rrggbb, or own (what each style comes with).")
@click.option("--fabrics", metavar="A,B", help="Fabrics laid over the colour, by name or picture file.")
@click.option("--fabric-share", type=float, metavar="P", help="Share of the masks that wear --fabrics.")
@click.option("--wear", metavar="A,B:2", help="correct, under_nose, under_chin, loose; default: correct.")
@click.option("--skew-deg", type=float, metavar="SD", help="Spread of the mask's roll on the face, degrees.")
@click.option("--share", type=float, metavar="P", help="Share of the images that get a mask; default 1.")
@seed_option
@templates_option
@click.option(
    "--landmarks",
    default="native,projected",
    show_default=True,
    metavar="A,B",
    help="Where landmarks come from, first that knows: native, projected, files:FOLDER, detect.",
)
@click.option("--weights", type=FOLDER, metavar="DIR", help="Folder of the detector's network weights.")
@click.option("--save", metavar="A,B", help="Also write: alpha, segmentation, touched, landmarks.")
@click.option("--control", type=FOLDER, metavar="DIR", help="Write the clean twin, same codec, here.")
@click.option(
    "--jpeg",
    type=click.Choice(["tables", "splice"]),
    default="tables",
    show_default=True,
    help="JPEGs keep the source's tables, or also its own blocks wherever the mask is not (maskgen[dct]).",
)
@click.option("--strict", type=Number(0, 1), metavar="Q", help="Fail pictures of lower quality.")
@click.option(
    "--on-fail",
    type=click.Choice(["leave", "copy"]),
    default="leave",
    show_default=True,
    help="Leave a failed image and its labels out, or copy them unmasked.",
)
@limit_option
@batch_options
def command(dataset: str | None, root: Path | None, out: Path | None, **given: Any) -> int:
    """Put masks on every face of a dataset.

    OUT gets the same tree, file names and labels, byte for byte; every input has its line in
    OUT/_maskgen/manifest.jsonl. The same seed gives the same bytes, whatever --jobs and however often
    interrupted.

    \b
    maskgen apply --dataset BIWI --out BIWI_masked
    maskgen apply --dataset AFLW2000 --styles surgical:3,n95 --save segmentation --jobs 0
    """
    from ..jobs.parallel import pin_threads, resolve_jobs

    pin_threads()
    from ..apply import apply_recipe, check_call, preview, template_hashes
    from ..apply_one import ApplyOptions, Templates
    from ..datasets import find_dataset
    from ..errors import UsageError
    from ..recipe import OPTIONS, Recipe
    from ..release.presets import recipe_from

    jobs = resolve_jobs(given["jobs"])
    fmt, folder = find_dataset(dataset, root)
    target = out if out is not None else _beside(folder)
    recipe = recipe_from(given["recipe_file"]) if given["recipe_file"] is not None else Recipe()
    recipe = recipe.updated({key: given[key] for key in _RECIPE_KEYS if given[key] is not None}, OPTIONS)
    if given["fabric_share"] is not None and not recipe.fabrics:
        raise UsageError("--fabric-share says how many masks wear --fabrics; name some, or leave it out")
    templates = Templates(tuple(str(path) for path in given["templates"]))
    catalogue = templates.catalogue()
    recipe = recipe.resolved(catalogue)
    identity = template_hashes(recipe, catalogue)
    kept = ("control", "on_fail", "strict", "jpeg", "limit", "resume", "overwrite", "landmarks", "weights")
    options = ApplyOptions(jobs=jobs, painter=templates, **{key: given[key] for key in kept})
    if given["dry_run"]:
        check_call(folder, target, options)
        _print_preview(preview(fmt, folder, recipe, given["limit"]), fmt, folder, target)
        return 0
    summary = apply_recipe(fmt, folder, target, recipe, options, identity=identity, quiet=given["quiet"])
    if not given["quiet"]:
        click.echo(summary.text(target))
    return too_many_failures(summary, given["max_failures"])


def _beside(root: Path) -> Path:
    """NAME_masked beside the dataset, as the user sees it: the twin of a linked one lies beside the link."""
    place = Path(os.path.abspath(root))
    return place.with_name(f"{place.name}_masked")


def _print_preview(found: Preview, fmt: DatasetFormat, root: Path, out: Path) -> None:
    import shutil

    there = next(path for path in (out.resolve(), *out.resolve().parents) if path.exists())
    size, free = megabytes(found.bytes_in), megabytes(shutil.disk_usage(there).free)
    click.echo(f"{fmt.name} at {root}: {found.total} images, {found.masked} of them would be masked")
    click.echo(f"output {out}: about {size}, {free} free")
    for name, counter in found.draws.items():
        parts = [f"{value} {count}" for value, count in counter.most_common(12)]
        click.echo(f"{name}: {', '.join(parts) or 'none'}")
    click.echo("nothing was written (--dry-run)")
