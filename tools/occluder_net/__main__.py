"""Make the weights of the search for occluders again: `python -m tools.occluder_net`, some hours on one core.

Draws bare heads with `maskgen synth`, puts things in front of them, learns, and writes the network. No
photograph is used. Needs torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from maskgen.masks.shipped import WEIGHTS
from maskgen.paint.occluder_frame import CHANNELS, SIDE

from .heads import draw_head
from .net import save_onnx
from .samples import make
from .train import learn

_OUT = Path(__file__).parents[2] / "maskgen" / "masks" / WEIGHTS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.occluder_net", description=__doc__)
    parser.add_argument("--heads", type=int, default=4000, help="bare heads to draw (4000)")
    parser.add_argument("--samples", type=int, default=30000, help="pictures made of them (30000)")
    parser.add_argument("--steps", type=int, default=6000, help="batches of 48 to learn from (6000)")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, default=_OUT, help="the file to write")
    args = parser.parse_args()
    heads = [head for n in range(args.heads) if (head := draw_head(args.seed, n)) is not None]
    print(f"{len(heads)} heads", flush=True)
    rng = np.random.default_rng(args.seed)
    inputs = np.empty((args.samples, CHANNELS, SIDE, SIDE), np.float16)
    labels = np.empty((args.samples, SIDE, SIDE), np.uint8)
    for k in range(args.samples):
        inputs[k], labels[k], _, _ = make(rng, heads[int(rng.integers(len(heads)))])
    print(f"{args.samples} samples", flush=True)
    net = learn(
        inputs,
        labels,
        args.steps,
        args.seed,
        lambda step, loss: print(f"step {step}: {loss:.4f}", flush=True),
    )
    save_onnx(net, args.out)
    print(f"wrote {args.out}")


if __name__ == "__main__":
    main()
