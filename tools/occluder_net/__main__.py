"""Make weights of the search for occluders: `python -m tools.occluder_net glance` (or look), hours on a core.

Draws bare heads with `maskgen synth`, puts things in front of them, learns, and writes the network. No
photograph is used. Needs torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from maskgen.masks import shipped
from maskgen.paint.occluder_frame import CHANNELS, SIDE

from .heads import draw_head
from .net import Glance, Look, save_onnx
from .samples import make
from .train import learn

_NETS = {"glance": (Glance, shipped.GLANCE), "look": (Look, shipped.LOOK)}
_OUT = Path(shipped.__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.occluder_net", description=__doc__)
    parser.add_argument(
        "net", choices=list(_NETS), help="the small network that sees every face, or the other"
    )
    parser.add_argument("--heads", type=int, default=4000, help="bare heads to draw (4000)")
    parser.add_argument("--samples", type=int, default=30000, help="pictures made of them (30000)")
    parser.add_argument("--steps", type=int, default=9000, help="batches of 32 to learn from (9000)")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, help="the file to write (the shipped one)")
    args = parser.parse_args()
    heads = [head for n in range(args.heads) if (head := draw_head(args.seed, n)) is not None]
    print(f"{len(heads)} heads", flush=True)
    rng = np.random.default_rng(args.seed)
    inputs = np.empty((args.samples, CHANNELS, SIDE, SIDE), np.float16)
    labels = np.empty((args.samples, SIDE, SIDE), np.uint8)
    for k in range(args.samples):
        inputs[k], labels[k], _, _ = make(rng, heads[int(rng.integers(len(heads)))])
    print(f"{args.samples} samples", flush=True)
    kind, file = _NETS[args.net]
    torch.manual_seed(args.seed)
    net = kind()
    learn(net, inputs, labels, args.steps, args.seed, lambda n, loss: print(f"{n}: {loss:.4f}", flush=True))
    out = args.out or _OUT / file
    save_onnx(net, out)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
