"""How much of a network's own speed the training loop keeps, and what the crop cache saves.

    OMP_NUM_THREADS=1 python benchmarks/harness.py       drawn pixels, CPU, fastpose at 64 px
    python benchmarks/harness.py --device cuda --model hopenet --batch 128
    python benchmarks/harness.py --data AFLW2000 --root DATA      also: decoding against the cache

The loop (memory map, augmentation on the device, labels, optimiser) is compared with the same network and
optimiser fed one prepared batch over and over: the ratio is what feeding and augmenting cost. Both are timed
in turns in one process, and the medians are taken, so that a busy machine slows both alike. On a CPU the
clock is that of the process: seconds are those it computed, whoever else was computing. The number of steps
follows from --seconds, so that a large network on a slow machine ends in time, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from maskgen.datasets import get_format
from maskgen.geometry.rotation import euler_to_matrix
from maskgen.hpe import config as configs
from maskgen.hpe.batching import epoch_steps
from maskgen.hpe.cache import CropCache, open_cache
from maskgen.hpe.contract import Stage
from maskgen.hpe.data import SampleSet
from maskgen.hpe.mixture import Source, resolve
from maskgen.hpe.optim import LossModule, make_optimiser, use_amp
from maskgen.hpe.rows import RowSpec, make_row
from maskgen.hpe.train import build_model, pick_device
from maskgen.hpe.trainer import Trainer
from maskgen.sample import Entry


def drawn_set(folder: Path, spec: RowSpec, count: int) -> SampleSet:
    """A sample set of random pixels and labels, memory-mapped as a real one is."""
    rng = np.random.default_rng(0)
    px = spec.pixels
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (count, px, px, 3))
    for start in range(0, count, 512):
        part = images[start : start + 512]
        part[:] = rng.integers(0, 256, part.shape, dtype=np.uint8)
    images.flush()
    euler = rng.uniform(-60, 60, (count, 3))
    half = 0.2 * px
    labels = {
        "id": np.array([f"x{i:06d}" for i in range(count)]),
        "group": np.array([f"x{i:06d}" for i in range(count)]),
        "euler": euler,
        "rotation": euler_to_matrix(euler),
        "box": np.tile([px / 2 - half, px / 2 - half, px / 2 + half, px / 2 + half], (count, 1)),
        "landmarks": px / 2 + rng.uniform(-half, half, (count, 68, 2)),
        "turn_axis": np.tile([0.0, 0.0, 1.0], (count, 1)),
        "row_from_image": np.tile([[1.0, 0, 0], [0, 1.0, 0]], (count, 1, 1)),
        "size": np.full((count, 2), float(px)),
        "digest": np.full(count, ""),
        "reason": np.full(count, ""),
    }
    source = Source("drawn", folder, get_format("AFLW2000"))
    rows = np.arange(count)
    return SampleSet((source,), (CropCache(folder, spec, labels),), np.zeros(count, np.int64), rows, {})


def clock(device: torch.device) -> Callable[[], float]:
    """Seconds of this process on a CPU, of the wall elsewhere."""
    return time.process_time if device.type == "cpu" else time.perf_counter


def loop_speed(trainer: Trainer, config: configs.Config, epoch: int) -> float:
    """Images/s of one epoch of the training loop."""
    now = clock(trainer.device)
    trainer.progress.epoch, trainer.progress.step = epoch, 0
    module = trainer._wrapped(config)
    began = now()
    trainer._run_epoch(module, config, Stage("train"), 1_000)
    synchronise(trainer.device)
    seconds = now() - began
    return len(trainer.train_set) // config.train.batch * config.train.batch / seconds


def memory_speed(trainer: Trainer, config: configs.Config, steps: int) -> float:
    """Images/s of the same network and optimiser on one prepared batch."""
    model, device = trainer.model, trainer.device
    module = LossModule(model).train()
    optimiser = make_optimiser(model, config)
    step = epoch_steps(trainer.train_set, model, config, Stage("train"), 0)[0]
    _, rows = next(iter(trainer.feeder.batches([step.all])))
    images, targets = trainer._batch(step, rows, 0)
    now = clock(device)
    began = now()
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=trainer.amp):
            loss, _, _ = module(images, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    synchronise(device)
    return steps * len(step.samples) / (now() - began)


def synchronise(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Part(Source):
    """The first ``count`` pictures of a source: a cache is built of whole sources."""

    count: int = 300

    def entries(self) -> Iterator[Entry]:
        """See Source."""
        return islice(super().entries(), self.count)


def cache_speed(expression: str, root: str | None, folder: Path, spec: RowSpec) -> dict[str, float]:
    """Rows/s decoded and cropped from files, and read from the cache, of the first 300 pictures."""
    whole = resolve(expression, root)[0]
    source = Part(whole.name, whole.root, whole.format)
    entries = list(source.entries())
    began = time.process_time()
    for entry in entries:
        make_row(source.format, source.root, entry, spec)
    decoded = len(entries) / (time.process_time() - began)
    opened = open_cache(source, spec, folder)
    rng = np.random.default_rng(0)
    began = time.process_time()
    for _ in range(10):
        order = rng.permutation(len(opened))
        for start in range(0, len(order), 64):
            opened.images[order[start : start + 64]].sum()
    cached = 10 * len(opened) / (time.process_time() - began)
    return {"decoded_per_s": round(decoded, 1), "cached_per_s": round(cached, 1)}


def make_trainer(config: configs.Config, device: torch.device, folder: Path, steps: int) -> Trainer:
    """A trainer of a fresh network on a drawn set that is ``steps`` batches long."""
    model = build_model(config)
    spec = RowSpec(model.input_spec.crop, model.input_spec.size, "region", 1.5)
    samples = drawn_set(folder, spec, steps * config.train.batch)
    trainer = Trainer(config, model, samples, None, device)
    trainer.optimiser = make_optimiser(trainer.model, config)
    return trainer


def speeds(config: configs.Config, device: torch.device, seconds: float, rounds: int) -> dict[str, Any]:
    """Images/s of the loop and of the network alone, medians of ``rounds`` of about ``seconds`` each."""
    batch = config.train.batch
    with tempfile.TemporaryDirectory() as name:
        trial = make_trainer(config, device, Path(name), 1)
        memory_speed(trial, config, 1)
        per_s = memory_speed(trial, config, 2)
    steps = max(4, min(500, round(seconds * per_s / batch)))
    with tempfile.TemporaryDirectory() as name:
        trainer = make_trainer(config, device, Path(name), steps)
        memory_speed(trainer, config, 2)
        loops, memories = [], []
        for round_ in range(rounds):
            memories.append(memory_speed(trainer, config, steps))
            loops.append(loop_speed(trainer, config, round_))
    return {
        "steps": steps,
        "loop_images_per_s": round(statistics.median(loops), 1),
        "memory_images_per_s": round(statistics.median(memories), 1),
        "ratio": round(statistics.median(a / b for a, b in zip(loops, memories, strict=True)), 3),
        "ratios": [round(a / b, 3) for a, b in zip(loops, memories, strict=True)],
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="fastpose")
    parser.add_argument("--options", default="{}", help="JSON of the network's options")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0, help="of every measurement, about")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--resident", default="auto", choices=("auto", "always", "never"))
    parser.add_argument("--data")
    parser.add_argument("--root")
    arguments = parser.parse_args()
    device = pick_device(arguments.device)
    config = configs.build(
        {
            "model": {"name": arguments.model, "options": json.loads(arguments.options)},
            "data": {"resident": arguments.resident},
            "augment": {"rotate": 0.5, "mask": 0.25},
            "train": {"batch": arguments.batch, "deterministic": device.type == "cpu", "log_every": 10_000},
        }
    )
    figures = {
        "model": arguments.model,
        "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
        "clock": "process" if device.type == "cpu" else "wall",
        "amp": use_amp(config.train, device),
        "threads": torch.get_num_threads(),
        "batch": arguments.batch,
        **speeds(config, device, arguments.seconds, arguments.rounds),
    }
    if arguments.data:
        spec = build_model(config).input_spec
        with tempfile.TemporaryDirectory() as name:
            row = RowSpec(spec.crop, spec.size)
            figures |= cache_speed(arguments.data, arguments.root, Path(name), row)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
