"""maskgen export: Write a network's inference graph as an ONNX file, checked against torch."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(path_type=Path)


@click.command("export")
@click.argument("source", metavar="CHECKPOINT|NETWORK")
@click.option("--out", type=FILE, metavar="FILE.onnx", help="Default: the source's name with .onnx.")
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def command(source: str, out: Path | None, overwrite: bool) -> int:
    """Write a network's inference graph as an ONNX file, checked against torch.

    The source is a checkpoint of `maskgen train`, or the name of a network (`maskgen models`), which gets
    random weights: enough to measure its speed elsewhere. Parts that only training needs are left out. The
    graph takes ``images`` (batch, 3, size, size) and gives ``R`` (batch, 3, 3); how the pictures are to be
    prepared is written into the file's metadata. A graph that does not agree with torch is not written.

    \b
    maskgen export runs/model2/last.pt --out model2.onnx
    maskgen export retinapose_mnet025
    """
    from ..errors import UsageError
    from ..hpe.export import export_onnx
    from ..hpe.registry import create_model, list_models

    if source in list_models():
        model, target = create_model(source), Path(f"{source}.onnx")
    else:
        from ..hpe.checkpoint import load, restore_model

        path = Path(source)
        if not path.is_file() and path.suffix not in (".pt", ".pth"):
            names = ", ".join(list_models())
            raise UsageError(f"{source!r} is neither a checkpoint file nor a network; networks are {names}")
        model, target = restore_model(load(path), path), path.with_suffix(".onnx")
    target = out or target
    if target.is_dir():
        raise UsageError(f"{target} is a folder; name a file, such as {target / 'model.onnx'}")
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists; give another --out or --overwrite")
    if not target.parent.is_dir():
        raise UsageError(_no_folder(target.parent))
    deviation = export_onnx(model, target)
    megabytes = target.stat().st_size / 1e6
    click.echo(f"{target}: {model.name}, {megabytes:.1f} MB, at most {deviation:.2g} degrees from torch")
    return 0


def _no_folder(folder: Path) -> str:
    """What keeps a file from being written there: nothing of that name, or a file on the way."""
    file = next((place for place in (folder, *folder.parents) if place.exists() and not place.is_dir()), None)
    if file is not None:
        return f"{file} is a file, so nothing can be written below it; give another --out"
    return f"the folder {folder} does not exist; make it first"
