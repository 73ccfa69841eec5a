"""maskgen train: Train a head-pose network as a YAML file or a preset says, and evaluate it.

Stopped by Ctrl-C or SIGTERM it saves its state; the same command with --resume goes on, bit for bit on a CPU.
"""

from __future__ import annotations

from pathlib import Path

import click

from .options import FOLDER


@click.command("train")
@click.argument("config", required=False)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override, as train.epochs=5.")
@click.option(
    "--out", type=FOLDER, metavar="DIR", help="Run folder; default: runs/NAME of the configuration."
)
@click.option("--root", type=FOLDER, metavar="DIR", help="Folder that holds the datasets (data.root).")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint of the run folder.")
@click.option("--list", "list_presets", is_flag=True, help="List presets and networks, and stop.")
@click.option("--show", is_flag=True, help="Print the resolved configuration, and stop.")
@click.option("--quiet", "-q", is_flag=True, help="No progress; results and errors only.")
def command(
    config: str | None,
    overrides: tuple[str, ...],
    out: Path | None,
    root: Path | None,
    resume: bool,
    list_presets: bool,
    show: bool,
    quiet: bool,
) -> int:
    """Train a head-pose network as CONFIG says: a YAML file, or the name of a preset such as quick/model2.

    \b
    maskgen train quick/model2 --root DATA
    maskgen train my.yaml --set model.name=hopenet --set "data.train=300W-LP + 300W-LP_masked*0.5"
    torchrun --nproc-per-node 4 -m maskgen train full/model2
    """
    from ..hpe import config as configs

    if list_presets:
        return _list()
    if config is None:
        raise click.UsageError("name a YAML file or a preset; --list shows the presets")
    wanted = [*overrides, *([f"data.root={root}"] if root is not None else [])]
    resolved = configs.load(config, wanted)
    if show:
        click.echo(configs.to_yaml(resolved), nl=False)
        return 0
    from ..datasets import recognise
    from ..errors import UsageError
    from ..hpe import train
    from ..hpe.trainer import Stopped
    from ..report.tables import error_table

    folder = out if out is not None else Path("runs") / resolved.name
    if (held := recognise(folder)) is not None:
        raise UsageError(f"{folder} holds the pictures of {held.name}; choose another --out for the run")

    def report(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    try:
        content = train.run(resolved, folder, resume=resume, report=report)
    except Stopped as stopped:
        click.echo(f"Stopped: {stopped}, go on with --resume", err=True)
        return 128 + stopped.signal
    if content:
        click.echo(error_table(content) if content["tests"] else "", nl=False)
        report(f"results in {folder}")
    return 0


def _list() -> int:
    from ..hpe.config import preset_names
    from ..hpe.registry import list_models, model_class

    click.echo("presets:")
    for name in preset_names():
        click.echo(f"  {name}")
    click.echo("networks:")
    for name in list_models():
        click.echo(f"  {name:22} {model_class(name).card.title}")
    return 0
