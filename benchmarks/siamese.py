"""Pairs formed of one encoding per image against two-branch pairs: equal loss, how much less work.

    python benchmarks/siamese.py                 # a quarter-width ResNet-18 at 64 px, seconds
    python benchmarks/siamese.py --full          # ResNet-50 at 224 px

For each batch size: images through the trunk and FLOPs of one training step's forward pass, time of a step
with its backward pass as a ratio of medians measured in turn within this run, and the loss both ways with
BatchNorm in eval mode. A two-branch network sees n^2 - n ordered pairs, 2(n^2 - n) images: 2(n - 1) times
the n images of the ensemble layer; counted in pairs, as the paper does, n - 1 times.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from maskgen.hpe.contract import make_targets
from maskgen.hpe.registry import create_model, model_class


def step(model: torch.nn.Module, images: torch.Tensor, targets: dict) -> float:
    """One forward and backward pass; the loss."""
    model.zero_grad()
    loss, _ = model.loss(model(images, targets), targets)
    loss.backward()
    return loss.item()


def compare(n: int, full: bool, repeats: int) -> dict[str, float]:
    """Both pairings on the same batch and weights."""
    options = {} if full else dict(model_class("siamese_rank").tiny)
    size = 224 if full else 64
    generator = torch.Generator().manual_seed(n)
    images = torch.randn(n, 3, size, size, generator=generator)
    targets = make_targets((torch.rand(n, 3, generator=generator) - 0.5) * 120)
    models = {}
    for pairing in ("ensemble", "standard"):
        torch.manual_seed(0)
        models[pairing] = create_model("siamese_rank", **{**options, "pairing": pairing}).eval()
    loss = {k: step(m, images, targets) for k, m in models.items()}
    flops, seen = {}, {}
    for name, model in models.items():
        counted: list[int] = []
        hook = model.trunk.register_forward_pre_hook(lambda _, args, c=counted: c.append(len(args[0])))
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(images, targets)
        hook.remove()
        flops[name], seen[name] = counter.get_total_flops(), sum(counted)
    times: dict[str, list[float]] = {k: [] for k in models}
    for _ in range(repeats):
        for name, model in models.items():
            start = time.perf_counter()
            step(model, images, targets)
            times[name].append(time.perf_counter() - start)
    median = {k: statistics.median(v) for k, v in times.items()}
    return {
        "n": n,
        "loss difference": abs(loss["ensemble"] - loss["standard"]),
        "images": seen["standard"] / seen["ensemble"],
        "flops": flops["standard"] / flops["ensemble"],
        "time": median["standard"] / median["ensemble"],
    }


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--full", action="store_true", help="ResNet-50 at 224 px instead of the small relative"
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 8, 16])
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| batch n | n - 1 | 2(n - 1) | images ratio | FLOPs ratio | time ratio | loss difference |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for n in given.batches:
        row = compare(n, given.full, given.repeats)
        print(
            f"| {n} | {n - 1} | {2 * (n - 1)} | {row['images']:.1f} | {row['flops']:.1f} | {row['time']:.1f} "
            f"| {row['loss difference']:.1e} |"
        )


if __name__ == "__main__":
    main()
