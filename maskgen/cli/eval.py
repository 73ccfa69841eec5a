"""maskgen eval: Score a checkpoint, an ONNX file or any model's predictions CSV on datasets.

Released FSA-Net weights (Keras .h5) are read as well. Give the masked twin of a set too, and the paired gap
comes with its confidence interval.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from .options import FOLDER, jobs_option

if TYPE_CHECKING:
    from ..hpe.config import Config
    from ..hpe.evaluate import Test


@click.command("eval")
@click.argument("model", required=False, type=FOLDER)
@click.option("--data", "data", multiple=True, metavar="NAME=EXPR", help="Test set; NAME= may be left out.")
@click.option("--predictions", multiple=True, metavar="NAME=CSV", help="Columns id, yaw, pitch, roll.")
@click.option("--protocol", metavar="ID", help="Test sets of a protocol: p1-aflw2000, p1-biwi, ...")
@click.option("--root", type=FOLDER, metavar="DIR", help="Folder that holds the datasets.")
@click.option("--out", type=FOLDER, metavar="DIR", help="Write results.json, tables, predictions, plots.")
@click.option("--like", metavar="NETWORK", help="ONNX: input size, colours and crop of this network.")
@click.option("--size", type=click.IntRange(8), metavar="PX", help="ONNX: side of the input.")
@click.option("--channels", type=click.Choice(["rgb", "bgr"]), help="ONNX: order of the colours.")
@click.option(
    "--mean", metavar="R,G,B", help="ONNX: subtracted from 0..1 pixels; raw for 0..255 as they are."
)
@click.option("--std", metavar="R,G,B", help="ONNX: divided by after the mean.")
@click.option("--crop", metavar="POLICY", help="hopenet, hopenet_legacy, sixdrepnet, fsanet or frame.")
@click.option(
    "--metric", type=click.Choice(["wrapped", "sixdrep_legacy"]), default="wrapped", show_default=True
)
@click.option("--all-angles", is_flag=True, help="Keep heads with an |angle| above 99 degrees.")
@click.option("--batch", type=click.IntRange(1), default=128, show_default=True, metavar="N")
@click.option("--device", default="auto", show_default=True, metavar="NAME")
@click.option("--cache", type=FOLDER, metavar="DIR", help="Folder of crop caches.")
@jobs_option("Cache workers; 0: all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of tables.")
def command(
    model: Path | None, data: tuple[str, ...], predictions: tuple[str, ...], out: Path | None, as_json: bool,
    **options: Any,
) -> int:  # fmt: skip
    """Score MODEL (a checkpoint .pt, an ONNX file, released FSA-Net .h5), or any program's predictions.

    \b
    maskgen eval runs/model2/last.pt --data clean=AFLW2000 --data masked=AFLW2000_masked
    maskgen eval --predictions theirs.csv --data AFLW2000
    maskgen eval theirs.onnx --like fsanet_caps_1x1 --protocol p1-aflw2000
    """
    import json

    from ..hpe import evaluate
    from ..report.tables import results_markdown

    config = _config(options)
    sets = _named(data, "--data")
    if options["protocol"]:
        from ..hpe.protocols import get_protocol

        config.data.protocol = options["protocol"]
        sets = {**get_protocol(options["protocol"]).test, **sets}
    tables = _named(predictions, "--predictions")
    if (model is None) == (not tables):
        raise UsageError("give either a MODEL or --predictions files")
    if tables:
        about: dict[str, Any] = {"name": ", ".join(Path(p).stem for p in tables.values())}
        tests = _from_csv(tables, sets, config)
    else:
        assert model is not None
        if not sets:
            raise UsageError("name a test set: --data AFLW2000, or --protocol p1-aflw2000")
        about, tests = _from_model(model, sets, config, options)
    content = evaluate.results(about, tests, config)
    if out is not None:
        evaluate.write_results(out, content, tests)
    if as_json:
        click.echo(json.dumps(evaluate.jsonable(content), indent=2, ensure_ascii=False))
    else:
        click.echo(results_markdown(content), nl=False)
    return 0


def _config(options: dict[str, Any]) -> Config:
    from ..hpe.config import build

    data: dict[str, Any] = {"root": None if options["root"] is None else str(options["root"])}
    data["workers"] = options["jobs"]
    data["crop"] = options["crop"] or "auto"
    if options["all_angles"]:
        data["angle_limit"] = None
    if options["cache"] is not None:
        data["cache"] = str(options["cache"])
    section = {"batch": options["batch"], "metric": options["metric"]}
    return build({"device": options["device"], "data": data, "eval": section})


def _named(items: tuple[str, ...], option: str) -> dict[str, str]:
    """NAME=VALUE items; a value alone is called by what it is."""
    out: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals:
            name, value = Path(item).name, item
        if not name or not value or name in out:
            raise UsageError(f"{option} {item!r}: write NAME=VALUE with a new name each")
        out[name] = value
    return out


def _from_csv(tables: dict[str, str], sets: dict[str, str], config: Config) -> list[Test]:
    from ..hpe.evaluate import Test, load_test
    from ..hpe.predictions import read_csv
    from ..hpe.rows import RowSpec

    if sets and len(tables) == len(sets) == 1:
        sets = dict(zip(tables, sets.values(), strict=True))
    unknown = [n for n in sets if n not in tables]
    if unknown:
        raise UsageError(
            f"--data {unknown[0]} has no --predictions of that name; there are {', '.join(tables)}"
        )
    tests = []
    for name, path in tables.items():
        if name not in sets:
            tests.append(Test(name, read_csv(Path(path)), {"predictions": path}))
            continue
        # the smallest crop: only labels are needed, and they come with the cache
        samples = load_test(sets[name], RowSpec("fsanet", 8), config.data)
        found = read_csv(Path(path), samples.labels())
        if found.ignored:
            click.echo(f"{name}: {found.ignored} rows belong to no picture of the test set", err=True)
        tests.append(Test(name, found, {"predictions": path, **samples.describe()}))
    return tests


def _from_model(
    path: Path, sets: dict[str, str], config: Config, options: dict[str, Any]
) -> tuple[dict[str, Any], list[Test]]:
    from ..hpe import checkpoint
    from ..hpe.evaluate import run_tests
    from ..hpe.predict import OnnxPredictor, Predictor, TorchPredictor, cost
    from ..hpe.train import pick_device

    if not path.is_file():
        raise UsageError(f"no file {path}; give a checkpoint (.pt), an ONNX file or FSA-Net weights (.h5)")
    if path.suffix.lower() == ".csv":
        raise UsageError(f"{path} is a table of predictions: give it as --predictions {path}")
    predictor: Predictor
    if path.suffix.lower() == ".onnx":
        predictor = OnnxPredictor(path, _onnx_spec(path, options))
        about: dict[str, Any] = {"name": path.stem, "file": str(path)}
    else:
        for name in ("like", "size", "channels", "mean", "std"):
            if options[name] is not None:
                raise UsageError(f"--{name} is for ONNX files; {path.name} says itself how it wants pictures")
        device = pick_device(config.device)
        if path.suffix.lower() in (".h5", ".hdf5"):
            from ..hpe.importers.fsanet_keras import load_fsanet

            network = load_fsanet(path)
        else:
            network = checkpoint.restore_model(checkpoint.load(path), path)
        about = {"name": network.name, "options": dict(network.options), "file": str(path), **cost(network)}
        predictor = TorchPredictor(network.to(device), device, amp=False)
    return about, run_tests(predictor, sets, config, options["crop"])


def _onnx_spec(path: Path, options: dict[str, Any]) -> Any:
    from dataclasses import replace

    from ..hpe.contract import InputSpec
    from ..hpe.registry import create_model

    if not options["like"] and not options["size"]:
        raise UsageError(f"how does {path.name} want its pictures? give --like NETWORK, or --size and --crop")
    spec = create_model(options["like"]).input_spec if options["like"] else InputSpec()
    changes: dict[str, Any] = {k: options[k] for k in ("size", "channels", "crop") if options[k]}
    if options["mean"] == "raw":
        changes.update(mean=None, std=None)
    else:
        changes.update({k: _triple(options[k], k) for k in ("mean", "std") if options[k]})
    return replace(spec, **changes)


def _triple(text: str, name: str) -> tuple[float, ...]:
    try:
        values = tuple(float(v) for v in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3 or not all(math.isfinite(v) and (v > 0 or name == "mean") for v in values):
        above = " above 0" if name == "std" else ""
        raise UsageError(f"--{name} is three numbers R,G,B{above}, got {text!r}")
    return values
