"""Options that several commands share, each defined once, and the few lines around a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..command_line import too_many_failed
from ..errors import UsageError

if TYPE_CHECKING:
    from ..jobs.batch import Summary

F = TypeVar("F", bound=Callable[..., Any])

FOLDER = click.Path(path_type=Path)


class Limit(click.ParamType):  # type: ignore[type-arg]
    """A count ("3") or a share of the whole ("0.5%"); its value is a function from the total to the most."""

    name = "N|P%"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A function from the total to the greatest number allowed."""
        if callable(value):
            return value
        text = str(value).strip()
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = -1.0
        share = text.endswith("%")
        if not 0 <= number < float("inf") or (share and number > 100) or (not share and number % 1):
            self.fail(f"{value!r} is neither a count such as 3 nor a share such as 0.5%", param, ctx)
        return lambda total: int(total * number / 100) if share else int(number)


class Number(click.FloatRange):
    """A number within bounds; not nan, which no comparison would ever catch, and not infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number. Fails for what is none."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            bounds = "" if self.min is None or self.max is None else f" from {self.min:g} to {self.max:g}"
            self.fail(f"{value!r} is no number{bounds}", param, ctx)
        return number


def check_file(path: Path | None, purpose: str) -> None:
    """UsageError where a file that is to be written, for ``purpose``, is a folder; asked before the work."""
    if path is not None and path.is_dir():
        raise UsageError(f"{path} is a folder; name a file for {purpose}")


def dataset_option(function: F) -> F:
    """--dataset NAME: which dataset; recognised from the folder where left out."""
    text = (
        "300W-LP, AFLW2000 or BIWI; case does not matter. "
        "Left out, it is recognised from --root or the current folder."
    )
    return click.option("--dataset", metavar="NAME", help=text)(function)


def root_option(function: F) -> F:
    """--root DIR: where the dataset lies."""
    text = "Folder of the dataset; else $MASKGEN_DATA/NAME, ./NAME, ./data/NAME."
    return click.option("--root", type=FOLDER, help=text)(function)


def out_option(function: F) -> F:
    """--out DIR: where to write."""
    text = "Output folder; default: the input's name with _masked, beside it."
    return click.option("--out", type=FOLDER, help=text)(function)


def seed_option(function: F) -> F:
    """--seed N."""
    text = "Seed of everything random; default 0."
    return click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help=text)(function)


def limit_option(function: F) -> F:
    """--limit N: only so many images."""
    text = "Only the first N images."
    return click.option("--limit", type=click.IntRange(min=1), metavar="N", help=text)(function)


def jobs_option(text: str = "Worker processes; 0: all cores.", default: int = 1) -> Callable[[F], F]:
    """--jobs N, -j N."""
    return click.option(
        "--jobs", "-j", type=click.IntRange(0), default=default, show_default=True, metavar="N", help=text
    )


def templates_option(function: F) -> F:
    """--templates DIR: further mask styles and fabrics."""
    text = "Folder of further mask styles; may be given again."
    return click.option("--templates", type=FOLDER, multiple=True, help=text)(function)


def batch_options(function: F) -> F:
    """--jobs, --resume, --overwrite, --max-failures, --dry-run, --quiet: the same for every batch."""
    failures = "Exit with code 1 if more images than this failed."
    options = [
        jobs_option("Worker processes; 0 takes every core. The output does not depend on it."),
        click.option("--resume", is_flag=True, help="Finish an interrupted run of the same command."),
        click.option("--overwrite", is_flag=True, help="Delete an earlier output and start anew."),
        click.option("--max-failures", type=Limit(), default="0", show_default=True, help=failures),
        click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing."),
        click.option("--quiet", "-q", is_flag=True, help="No progress and no summary; errors only."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def too_many_failures(summary: Summary, allowed: Callable[[int], int]) -> int:
    """The exit code of a batch: 1, and one line that says so, where more failed than was allowed."""
    return too_many_failed(summary.failed, summary.total, allowed(summary.total))


def megabytes(size: float) -> str:
    """A size in bytes for people: 0.4 MB, 37 MB, 2.1 GB."""
    millions = size / 1e6
    if millions >= 1000:
        return f"{millions / 1000:.1f} GB"
    return f"{millions:.0f} MB" if millions >= 10 else f"{millions:.1f} MB"
