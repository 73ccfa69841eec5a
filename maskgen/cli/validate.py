"""maskgen validate: Check a dataset, and measure how much worse networks are on its masks.

Labels are compared with the source's or the turned truth, files with their hashes, masks with the face they
should be on. With --model, the paired masked-minus-clean gap comes with its confidence interval.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from .options import FOLDER, Limit, Number, check_file, jobs_option

if TYPE_CHECKING:
    from ..checks.finding import Report

#: exit code where a threshold is missed
BELOW = 3


@click.command("validate")
@click.argument("folder", default=".", type=FOLDER)
@click.option("--source", type=FOLDER, metavar="DIR", help="The clean or unturned dataset it was made from.")
@click.option(
    "--model", "models", multiple=True, type=FOLDER, metavar="PT", help="Measure this network's gap."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N pictures.")
@jobs_option()
@click.option("--no-hashes", is_flag=True, help="Do not read every file to compare its SHA-256.")
@click.option("--min-quality", type=Number(0, 1), default=0.3, show_default=True, metavar="Q")
@click.option("--max-errors", type=Limit(), default="0", show_default=True, help="More errors: exit code 3.")
@click.option("--max-warnings", type=Limit(), default="100%", show_default=True, help="More: exit code 3.")
@click.option("--max-gap", type=Number(), metavar="DEG", help="A larger paired mean gap: exit code 3.")
@click.option("--cache", type=FOLDER, metavar="DIR", help="Folder of crop caches, for --model.")
@click.option("--json", "json_file", type=FOLDER, metavar="FILE", help="Write all findings as JSON.")
@click.option("--html", "html_file", type=FOLDER, metavar="FILE", help="Write one page, with pictures.")
@click.option("--quiet", "-q", is_flag=True, help="No table; only the verdict and errors.")
def command(
    folder: Path, source: Path | None, models: tuple[Path, ...], limit: int | None, jobs: int,
    no_hashes: bool, min_quality: float, cache: Path | None, json_file: Path | None, html_file: Path | None,
    quiet: bool, **thresholds: Any,
) -> int:  # fmt: skip
    """Check the dataset in FOLDER (default: here): files, labels, masks, manifest, and label conventions.

    \b
    maskgen validate AFLW2000_masked --html report.html
    maskgen validate AFLW2000_masked --model runs/model1/last.pt --max-gap 1.0
    """
    from ..checks.dataset import CheckOptions, check_dataset

    if thresholds["max_gap"] is not None and not models:
        raise UsageError("--max-gap needs a network: give --model")
    for file in (json_file, html_file):
        check_file(file, "the report")
    options = CheckOptions(source, limit, jobs, not no_hashes, min_quality)
    report = check_dataset(folder, options)
    gaps = _gaps(folder, report, models, cache)
    _write(folder, report, gaps, json_file, html_file)
    if not quiet:
        from ..checks.page import summary_table
        from ..report.tables import gap_table

        click.echo(summary_table(report), nl=False)
        if gaps:
            click.echo(gap_table(gaps), nl=False)
    return _verdict(report, gaps, thresholds)


def _gaps(folder: Path, report: Report, models: tuple[Path, ...], cache: Path | None) -> dict[str, Any]:
    """Gap reports by network, the masked dataset against its source."""
    if not models:
        return {}
    source = report.numbers.get("source")
    if source is None:
        raise UsageError("--model compares with the clean pictures: give --source, the dataset they are in")
    from ..hpe import checkpoint, gap
    from ..hpe.config import build
    from ..hpe.evaluate import run_tests
    from ..hpe.predict import TorchPredictor
    from ..hpe.train import pick_device

    config = build({"data": {"cache": str(cache)} if cache is not None else {}})
    device = pick_device("auto")
    out: dict[str, Any] = {}
    for path in models:
        network = checkpoint.restore_model(checkpoint.load(path), path)
        tests = {"clean": f'"{source}"', "masked": f'"{folder}"'}
        clean, masked = run_tests(TorchPredictor(network.to(device), device), tests, config)
        pairs = gap.pair(clean.predictions, masked.predictions)
        out[f"{path.parent.name}/{path.stem}"] = {**gap.gap_report([pairs]), "worst": gap.worst_pairs(pairs)}
    return out


def _write(
    folder: Path, report: Report, gaps: dict[str, Any], json_file: Path | None, html_file: Path | None
) -> None:
    import json

    from ..datasets import recognise
    from ..io.files import atomic_write

    try:
        if json_file is not None:
            content = {**report.as_dict(), "gaps": gaps}
            text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
            atomic_write(json_file, text.encode())
        if html_file is not None:
            from ..checks.page import write_page

            fmt = recognise(folder)
            assert fmt is not None
            write_page(html_file, report, fmt, folder, gaps)
    except OSError as error:
        raise UsageError(
            f"cannot write {error.filename or 'the report'}: {error.strerror or error}"
        ) from error


def _verdict(report: Report, gaps: dict[str, Any], thresholds: dict[str, Any]) -> int:
    missed = []
    for severity in ("error", "warning"):
        count, most = report.count(severity), thresholds[f"max_{severity}s"](report.pictures)
        if count > most:
            missed.append(f"{count} {severity}(s), {most} allowed")
    most_gap = thresholds["max_gap"]
    for name, g in gaps.items():
        mean = g["paired"]["mean"]["mean"]
        if most_gap is not None and mean > most_gap:
            missed.append(f"{name} has a gap of {mean:.2f} degrees, {most_gap:g} allowed")
    if missed:
        click.echo(f"failed: {'; '.join(missed)}", err=True)
        return BELOW
    warnings = report.count("warning")
    what = "warning" if warnings == 1 else "warnings"
    click.echo(f"passed: {report.pictures} pictures, {warnings} {what}", err=True)
    return 0
