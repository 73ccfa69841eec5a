"""`maskgen train` without the command line: from a configuration to a run folder.

OUT/config.yaml     the fully resolved configuration
OUT/last.pt, best.pt, epoch_*.pt   checkpoints (the last few, and the best on validation)
OUT/log.csv         one row an epoch; OUT/events.out.tfevents.* the same for TensorBoard
OUT/results.json ...  see evaluate.py, once training is done
"""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from ..errors import UsageError
from ..io.files import atomic_write
from ..jobs.manifest import digest
from . import checkpoint
from .config import HOUSEKEEPING, Config, dotted, identity, to_yaml
from .contract import HeadPoseModel
from .crops import get_policy
from .data import SampleSet, load_set, seed_of
from .distributed import Process, processes
from .evaluate import load_test, results, run_tests, write_results
from .events import EventLog
from .mixture import resolve
from .optim import use_amp
from .predict import TorchPredictor, cost
from .protocols import applied
from .registry import accepted_options, create_model, model_class
from .rows import RowSpec
from .trainer import Report, Stopped, Trainer

#: settings that may change when a run is resumed: they do not change what is learned
_FREE = (
    *("name", "device", "data.cache", "data.workers", "data.resident", "data.root", "data.test", "eval"),
    *HOUSEKEEPING,
)


def run(config: Config, out: Path, *, resume: bool = False, report: Report = print) -> dict[str, Any]:
    """Train as configured into ``out`` and evaluate on the configured tests; returns results.json's content.

    resume: go on from out/last.pt where there is one. Raises UsageError for what is wrong with the
    configuration, data or folder, Stopped after SIGTERM or Ctrl-C (the state is saved), TrainingFailed if
    the loss is no longer a number.
    """
    config = applied(config)
    # a test set that is not there must be told before the training, not after it
    for expression in config.data.test.values():
        resolve(expression, config.data.root)
    device = pick_device(config.device)
    if config.train.sync_bn and device.type != "cuda":
        raise UsageError(f"train.sync_bn needs CUDA, and this run is on {device}; set train.sync_bn=false")
    with processes(device.type) as process:
        if process.world > 1 and device.type == "cuda":
            device = torch.device("cuda", process.local)
            torch.cuda.set_device(device)
        quiet: Report = report if process.first else lambda line: None
        state = _prepare_folder(config, out, resume)
        process.barrier()
        model = build_model(config, quiet)
        train, val = training_sets(config, model, process, quiet)
        log = RunLog(out) if process.first else None
        with StopRequest() as stop:
            trainer = Trainer(
                config,
                model,
                train,
                val,
                device,
                process=process,
                report=quiet,
                stop=stop,
                save=_saver(out, log),
            )
            if state is not None:
                trainer.restore(state)
                quiet(f"resumed at epoch {trainer.progress.epoch + 1}, step {trainer.progress.step}")
            parameters = sum(p.numel() for p in model.parameters())
            quiet(f"{model.name}, {parameters:,} parameters, {len(train):,} pictures, {device}")
            for note in model.training_notes(train.column("euler")):
                quiet(note)
            try:
                trainer.run()
            except Stopped as stopped:
                stopped.signal = stop.signal or stopped.signal
                raise
        if not process.first:
            return {}
        return _finish(config, out, trainer, train, val, quiet)


def finished(wanted: Config, folder: Path) -> dict[str, Any] | None:
    """The results of a run that was finished in ``folder``, None where there are none.

    Raises UsageError if they are damaged, or of a run with other settings than ``wanted``.
    """
    path = folder / "results.json"
    if not path.is_file():
        return None
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known, settings = content["config_sha256"], applied(wanted)
        # the second hash, of all settings as they are, is what earlier versions wrote
        same = known in (digest(identity(settings)), digest(settings.as_dict()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged; remove {folder} to train that run again") from error
    if not same:
        raise UsageError(f"{folder} holds a run with other settings; choose another --out, or remove it")
    return content


def complete(wanted: Config, folder: Path, *, report: Report = print, title: str = "") -> dict[str, Any]:
    """The results of a finished run in ``folder``, or of training it now, resumed where it was begun.

    title: said before training; a finished run is read in silence. Raises what `finished` and `run` raise.
    """
    done = finished(wanted, folder)
    if done is not None:
        return done
    if title:
        report(title)
    return run(wanted, folder, resume=(folder / "last.pt").is_file(), report=report)


def _finish(
    config: Config, out: Path, trainer: Trainer, train: SampleSet, val: SampleSet | None, report: Report
) -> dict[str, Any]:
    model = trainer.ema if trainer.ema is not None else trainer.model
    if config.eval.checkpoint == "best" and (out / "best.pt").is_file():
        model = checkpoint.restore_model(checkpoint.load(out / "best.pt"), out / "best.pt").to(trainer.device)
    predictor = TorchPredictor(model, trainer.device, use_amp(config.train, trainer.device))
    tests = run_tests(predictor, config.data.test, config)
    about = {"name": model.name, "options": dict(model.options), **cost(_copy_on_cpu(model))}
    extra = {
        "train": {
            "data": train.describe(),
            "val": None if val is None else val.describe(),
            "history": trainer.history,
            "evaluated": config.eval.checkpoint,
        },
        "device": str(trainer.device),
    }
    content = results(about, tests, config, extra)
    collapsed = trainer.history[-1]["collapsed"] if trainer.history else ""
    if collapsed:
        content["warnings"].append(f"training ended with a collapsed output: {collapsed}")
    write_results(out, content, tests)
    for warning in content["warnings"]:
        report(f"warning: {warning}")
    return content


def build_model(config: Config, report: Report = lambda line: None) -> HeadPoseModel:
    """The configured network with its initial weights. Raises UsageError for options it does not have."""
    options = dict(config.model.options)
    if config.data.size is not None:
        cls = model_class(config.model.name)
        if "size" in accepted_options(cls):
            options.setdefault("size", config.data.size)
    torch.manual_seed(seed_of(config.seed, "weights"))
    model = create_model(config.model.name, **options)
    if config.data.size is not None and model.input_spec.size != config.data.size:
        raise UsageError(
            f"{model.name} takes {model.input_spec.size} px images and has no size option; "
            f"remove data.size {config.data.size}"
        )
    if config.model.weights:
        missing = checkpoint.load_weights(model, Path(config.model.weights))
        report(f"weights from {config.model.weights}; {len(missing)} tensors start fresh")
    return model


def training_sets(
    config: Config, model: HeadPoseModel, process: Process | None = None, report: Report = lambda line: None
) -> tuple[SampleSet, SampleSet | None]:
    """(training set, validation set or None) as configured; caches are built by the first process."""
    data, process = config.data, process or Process()
    policy = get_policy(data.crop if data.crop != "auto" else model.input_spec.crop)
    size = model.input_spec.size
    margin = max(data.cache_margin, 1.5 if config.augment.rotate > 0 else 1.0)
    spec = RowSpec(policy.name, size, "region", margin, data.cache_px)
    if not process.first:
        process.barrier()
    assert data.train is not None
    train = load_set(
        data.train,
        spec,
        Path(data.cache),
        root=data.root,
        angle_limit=data.angle_limit,
        jobs=data.workers,
        progress=_cache_progress(report),
    )
    val: SampleSet | None = None
    if isinstance(data.val, str):
        val = load_test(data.val, RowSpec(policy.name, size), data)
    elif data.val > 0:
        train, val = train.split_off(data.val)
        val = val if len(val) else None
    if process.first:
        process.barrier()
    if len(train) == 0:
        raise UsageError(f"data.val {data.val} leaves nothing to train on")
    return train, val


def pick_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one, else the CPU. Raises UsageError for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise UsageError(f"device must be auto, cpu, cuda or cuda:N, got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {name} is not available on this machine; use device=cpu or auto")
    return device


class RunLog:
    """log.csv, written anew from the run's history, and the TensorBoard file, appended to."""

    def __init__(self, out: Path) -> None:
        self.path, self.events, self.logged = out / "log.csv", EventLog(out), 0

    def update(self, history: list[dict[str, Any]]) -> None:
        """Bring both up to the history."""
        columns = list(dict.fromkeys(k for row in history for k in row))
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        atomic_write(self.path, buffer.getvalue().encode())
        for row in history[self.logged :]:
            numbers = {k: float(v) for k, v in row.items() if isinstance(v, float)}
            self.events.scalars(row["step"], numbers)
        self.logged = len(history)


def _saver(out: Path, log: RunLog | None) -> Callable[[Trainer, bool], None]:
    def save(trainer: Trainer, best: bool) -> None:
        if log is None:
            return
        state = {"config": trainer.config.as_dict(), **trainer.state()}
        checkpoint.save(out / "last.pt", state)
        if best:
            checkpoint.save(out / "best.pt", state)
        if trainer.progress.step == 0:
            number = len(trainer.history)
            checkpoint.save(out / f"epoch_{number:04d}.pt", state)
            for old in sorted(out.glob("epoch_*.pt"))[: -trainer.config.train.keep]:
                with suppress(OSError):
                    old.unlink()
        log.update(trainer.history)

    return save


def _prepare_folder(config: Config, out: Path, resume: bool) -> dict[str, Any] | None:
    """The state to resume from, or None; refuses to mix two different runs in one folder."""
    last = out / "last.pt"
    if last.is_file() and not resume:
        raise UsageError(f"{out} already holds a run; add --resume to go on with it, or choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {out}: {error.strerror or error}") from error
    state = checkpoint.load(last) if last.is_file() else None
    if state is not None:
        _check_same(config, state["config"])
    if int(os.environ.get("RANK", "0")) == 0:
        atomic_write(out / "config.yaml", to_yaml(config).encode())
    return state


def _check_same(config: Config, before: dict[str, Any]) -> None:
    """UsageError naming the first setting that a resumed run would silently change."""
    for key in _leaves(config.as_dict()):
        if any(key == f or key.startswith(f"{f}.") for f in _FREE):
            continue
        try:
            old = dotted(before, key)
        except (KeyError, TypeError):
            old = None
        new = dotted(config.as_dict(), key)
        if old != new:
            raise UsageError(f"--resume with another setting: {key} was {old!r} and is now {new!r}")


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


class StopRequest:
    """Says whether SIGTERM or SIGINT has come; a second one ends the program at once. A context manager."""

    def __init__(self) -> None:
        self.signal = 0
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.signal != 0

    def __enter__(self) -> StopRequest:
        # only the main thread may handle signals; elsewhere the program's own handling stays
        if threading.current_thread() is threading.main_thread():
            self._before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}
            for number in self._before:
                signal.signal(number, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: Any) -> None:
        self.signal = number
        signal.signal(number, self._before[number])


def _cache_progress(report: Report) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done % 5000 == 0 and done < total:
            report(f"crop cache: {done:,} of {total:,}")

    return progress


def _copy_on_cpu(model: HeadPoseModel) -> HeadPoseModel:
    return copy.deepcopy(model).cpu()
