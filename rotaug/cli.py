"""rotaug: turn a head-pose dataset in the image plane, with yaw, pitch and roll that stay true."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from maskgen import command_line
from maskgen.errors import UsageError
from maskgen.interrupt import ending_like_ctrl_c

if TYPE_CHECKING:
    from .run import Rotated

# spelled out here as well as in rotate.py and image_plane.py (a test compares them): --help imports neither
PIVOTS = ("auto", "center", "face", "principal")
CANVASES = ("keep", "expand", "crop")
BORDERS = ("constant", "reflect", "replicate")
INTERPOLATIONS = ("nearest", "linear", "cubic", "area", "lanczos")
BALANCES = ("roll", "pose")

_OPTIONS = [
    click.option(
        "--range",
        "span",
        type=float,
        nargs=2,
        metavar="LOW HIGH",
        help="Angles in degrees, positive counter-clockwise: -45 45, or -180 180 for the full circle.",
    ),
    click.option("--angles", "listed", metavar="A,B,...", help="These angles for every picture instead."),
    click.option("--per-image", type=int, default=1, metavar="N", help="Angles drawn for each picture."),
    click.option(
        "--balance",
        type=click.Choice(BALANCES),
        help="Choose angles that spread roll, or the whole pose, as evenly as the data allow.",
    ),
    click.option("--include-original", is_flag=True, help="Write the unturned pictures as well."),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**63 - 1),
        default=0,
        metavar="N",
        help="Another seed draws other angles.",
    ),
    click.option("--dataset", metavar="NAME", help="300W-LP, AFLW2000, BIWI [default: recognised]."),
    click.option(
        "--root",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the dataset [default: this one, or where --dataset is found].",
    ),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Output folder [default: NAME_rotated beside the dataset].",
    ),
    click.option(
        "--pivot",
        type=click.Choice(PIVOTS),
        default="auto",
        help="The point that stays [default: BIWI's principal point, else the picture's centre].",
    ),
    click.option(
        "--canvas",
        type=click.Choice(CANVASES),
        default="keep",
        help="Keep the size, expand it to lose nothing, or crop to the largest clean rectangle.",
    ),
    click.option("--border", type=click.Choice(BORDERS), default="constant", help="What fills the corners."),
    click.option("--fill", default="0", metavar="LEVEL|R,G,B", help="Colour of a constant border, 0 to 255."),
    click.option("--interpolation", type=click.Choice(INTERPOLATIONS), default="cubic", show_default=True),
    click.option(
        "--jobs", type=click.IntRange(0), default=0, metavar="N", help="Worker processes; 0 uses all cores."
    ),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N pictures."),
    click.option(
        "--max-failures",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Failed pictures above which the exit code is 1.",
    ),
    click.option("--resume", is_flag=True, help="Finish an output that was interrupted."),
    click.option("--overwrite", is_flag=True, help="Start an earlier output anew."),
    click.option("--dry-run", is_flag=True, help="Say what would be done and write nothing."),
    click.option("--quiet", "-q", is_flag=True, help="No progress and no summary."),
]


def _options(function: Any) -> Any:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@_options
def command(dry_run: bool, quiet: bool, max_failures: int, **given: Any) -> int:
    """Write the in-plane-rotated twin of a dataset, with recomputed labels.

    Inside a dataset's folder `rotaug --range -45 45` is all it takes. Turning a picture changes yaw, pitch
    and roll together; landmarks, boxes and camera move by the same map as the pixels. One angle for each
    picture gives a twin under the dataset's own file names; several give one twin each, in folders of their
    own. OUT/_maskgen/ holds labels.csv, the histograms before and after, and the manifest.
    """
    from maskgen.jobs.parallel import pin_threads, resolve_jobs

    pin_threads()
    from maskgen.datasets import find_dataset

    from .plan import AngleRange, Angles, parse_angles
    from .rotate import Turn
    from .run import RotateOptions, default_out, preview, rotate_dataset

    angles = Angles(
        span=None if given["span"] is None else AngleRange(*given["span"]),
        listed=() if given["listed"] is None else parse_angles(given["listed"]),
        per_image=given["per_image"],
        balance=given["balance"],
        include_original=given["include_original"],
        seed=given["seed"],
    )
    fill = _fill(given["fill"])
    if given["fill"] != "0" and given["border"] != "constant":
        raise UsageError(f"--fill colours a constant border; --border {given['border']} has no use for it")
    turn = Turn(given["pivot"], given["canvas"], given["border"], fill, given["interpolation"])
    fmt, root = find_dataset(given["dataset"], given["root"])
    out = given["out"] or default_out(root)
    jobs = resolve_jobs(given["jobs"])
    options = RotateOptions(given["limit"], jobs, given["resume"], given["overwrite"])
    if dry_run:
        for line in preview(fmt, root, out, angles, turn, options):
            click.echo(line)
        return 0
    result = rotate_dataset(fmt, root, out, angles, turn, options, quiet=quiet)
    if not quiet:
        _summary(result)
    return command_line.too_many_failed(result.statuses["failed"], result.statuses.total(), max_failures)


def _fill(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--fill takes one level or three such as 128,128,128; got {text!r}") from None


def _summary(result: Rotated) -> None:
    from maskgen.jobs.output import RECORDS

    counts = ", ".join(f"{n} {status}" for status, n in sorted(result.statuses.items(), reverse=True))
    click.echo(f"{result.out}: {result.statuses.total()} pictures, {counts or 'none'}")
    for reason, number in result.reasons.most_common():
        click.echo(f"  {reason}: {number}")
    for example in result.examples:
        click.echo(f"    e.g. {example}")
    if len(result.summaries) > 1:
        click.echo(f"  twins: {', '.join(result.summaries)}")
    if result.written is None:
        return
    for kind, number in sorted(result.written.left_out.items()):
        click.echo(f"  left out, since it does not belong to a turned picture: {kind} ({number})")
    click.echo(f"  labels, histograms, manifest: {result.out / RECORDS}")
    numbers = result.written.spread.numbers()
    if not numbers["after"]["roll_cells"]["occupied"]:
        return
    before, after = (numbers[when]["roll_cells"] for when in ("before", "after"))
    click.echo(
        f"  roll in bins of 5 degrees: {before['effective']:.1f} -> {after['effective']:.1f} effective bins, "
        f"the fullest holds {before['largest']:.1%} -> {after['largest']:.1%}"
    )


def run(args: list[str] | None = None) -> int:
    """Run the command and return the exit code; what went wrong is one line on stderr.

    0 done, 1 failures above --max-failures or an output that cannot be written, 2 a wrong call, 130 Ctrl-C.
    """
    return command_line.run(command, args, "rotaug", "interrupted; the same command with --resume goes on")


def main() -> None:
    """Entry point of the ``rotaug`` console script."""
    ending_like_ctrl_c()
    sys.exit(run(sys.argv[1:] or ["--help"]))
