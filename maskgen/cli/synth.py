"""maskgen synth: Make synthetic heads in the layout of a real dataset, with exact labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from .options import FOLDER, jobs_option


@click.command("synth")
@click.option("--like", required=True, metavar="NAME", help="300W-LP, AFLW2000 or BIWI.")
@click.option("--out", required=True, type=FOLDER, help="Output folder; must be new or empty.")
@click.option(
    "-n", "count", required=True, type=int, metavar="N", help="Pictures (300W-LP: mirrored twins on top)."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, metavar="N", help="Seed."
)
@click.option(
    "--poses",
    default="like-original",
    show_default=True,
    metavar="HOW",
    help="like-original, uniform, or a file of yaw,pitch,roll rows in degrees.",
)
@click.option("--views", type=click.IntRange(1), metavar="K", help="Pictures of one person in a row.")
@click.option(
    "--masked", type=click.Choice(["truth"]), help="Also OUT_masked: the same heads wearing real meshes."
)
@click.option("--styles", metavar="A,B", help="Mask styles of --masked; default: all.")
@click.option("--no-detail", is_flag=True, help="No strands of hair: faster, for smoke tests.")
@jobs_option()
@click.option("--overwrite", is_flag=True, help="Delete an earlier output and start anew.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary; errors only.")
def command(like: str, out: Path, count: int, poses: str, masked: str | None, **given: Any) -> int:
    """Make synthetic heads in the layout of a real dataset.

    Tree, file names, label fields and types are those of the original, so every loader of it reads the
    output.
    Labels are exact. The same seed gives the same bytes, whatever --jobs.

    \b
    maskgen synth --like AFLW2000 --out synth_aflw -n 200 --jobs 0
    maskgen synth --like BIWI --out synth_biwi -n 240 --masked truth
    """
    from ..jobs.parallel import pin_threads, resolve_jobs

    pin_threads()
    from ..synth.layouts.base import Order
    from ..synth.poses import read_poses
    from ..synth.run import generate, get_layout
    from ..synth.truth import pick_styles

    layout = get_layout(like)
    if count <= 0:
        raise UsageError(f"-n {count}: the number of pictures must be 1 or more")
    if given["styles"] is not None and masked is None:
        raise UsageError("--styles are those of masks worn as meshes: add --masked truth")
    how = poses if poses in ("like-original", "uniform") else tuple(read_poses(Path(poses)))
    twin = out.with_name(f"{out.name}_masked") if masked else None
    styles = pick_styles(given["styles"]) if masked else ()
    order = Order(out, count, given["seed"], how, given["views"] or 0, twin, styles, not given["no_detail"])
    jobs = resolve_jobs(given["jobs"])
    done = generate(layout, order, jobs=jobs, quiet=given["quiet"], overwrite=given["overwrite"])
    if not given["quiet"]:
        click.echo(f"{done} heads in the layout of {layout.name}: {out}")
        if twin is not None:
            click.echo(f"the same heads wearing masks: {twin}")
    return 0
