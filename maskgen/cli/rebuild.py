"""maskgen rebuild: Make a released dataset from your own originals, byte for byte, and say what differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..errors import UsageError
from .options import FOLDER, check_file, jobs_option, templates_option


@click.command("rebuild")
@click.argument("release", type=FOLDER)
@click.option("--root", type=FOLDER, metavar="DIR", help="Your originals.")
@click.option("--out", type=FOLDER, metavar="DIR", help="Where to write; with --verify, the folder to check.")
@click.option(
    "--verify", is_flag=True, help="Write nothing: check --out, and --root if given, by the hashes."
)
@templates_option
@click.option("--landmarks", metavar="A,B", help="As for apply, if side files lie elsewhere here.")
@click.option("--weights", type=FOLDER, metavar="DIR", help="Folder of the detector's network weights.")
@jobs_option()
@click.option("--resume", is_flag=True, help="Finish an interrupted rebuild.")
@click.option("--overwrite", is_flag=True, help="Delete an earlier output and start anew.")
@click.option("--json", "json_file", type=FOLDER, metavar="FILE", help="Write all differences as JSON.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no summary; errors only.")
def command(release: Path, root: Path | None, out: Path | None, **given: Any) -> int:
    """Make the dataset of RELEASE (a folder or an archive of maskgen package) from your originals.

    Every hash is compared. A picture that differs is written all the same and named, with the cause: source
    changed, original missing, other draw, other paint, other codec. Exit code 1 if anything differs.

    \b
    maskgen rebuild release --root AFLW2000 --out AFLW2000_masked
    maskgen rebuild release --out AFLW2000_masked --verify
    """
    from ..jobs.parallel import pin_threads, resolve_jobs

    pin_threads()
    from ..io.files import atomic_write
    from ..release.model import open_release
    from ..release.rebuild import RebuildOptions, check_rebuildable, rebuild, verify

    opened = open_release(release)
    jobs = resolve_jobs(given["jobs"])
    check_file(given["json_file"], "--json")
    if given["verify"]:
        if out is None:
            raise UsageError("--verify compares a folder with the release: name it by --out")
        if not out.is_dir():
            raise UsageError(f"{out}: no such folder; --out names the rebuilt dataset to check")
        found = verify(opened, out, root, jobs)
    else:
        check_rebuildable(opened)
        if root is None or out is None:
            missing = "--root (your originals)" if root is None else "--out"
            raise UsageError(f"rebuilding needs {missing}")
        options = RebuildOptions(
            jobs=jobs,
            resume=given["resume"],
            overwrite=given["overwrite"],
            templates=tuple(str(path) for path in given["templates"]),
            landmarks=given["landmarks"],
            weights=given["weights"],
            quiet=given["quiet"],
        )
        found = rebuild(opened, root, out, options)
    if given["json_file"] is not None:
        text = json.dumps(found.as_dict(), indent=1, ensure_ascii=False) + "\n"
        try:
            atomic_write(given["json_file"], text.encode())
        except OSError as error:
            raise UsageError(f"cannot write {given['json_file']}: {error.strerror or error}") from error
    if not given["quiet"]:
        click.echo(found.text())
    if found.ok:
        return 0
    count = len(found.differences)
    click.echo(f"Error: {count} difference(s) from the release", err=True)
    return 1
