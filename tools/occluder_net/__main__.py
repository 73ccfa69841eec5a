"""Make weights of the search for occluders: `python -m tools.occluder_net glance` (or look_1, look_2,
hair), an hour on a core.

Draws bare heads with `maskgen synth`, puts things in front of them, learns, and writes the network. No
photograph is used. Needs torch. `python -m tools.occluder_net measure --root AFLW2000` says what comes of the
shipped ones on photographs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from maskgen.masks import shipped
from maskgen.paint.occluder_frame import CHANNELS, SIDE

from .measure import measure
from .samples import HAIR, THINGS, make

_OUT = Path(shipped.__file__).parent
#: of each network what it does, its file, whether it is the small kind, its lesson, the share of its samples
#: with something in front, its seed
_NETS: dict[str, tuple[str, str, bool, str, float, int]] = {
    "glance": ("sees every face", shipped.GLANCE, True, THINGS, 0.6, 5),
    "look_1": ("looks where the glance suspects something", shipped.LOOK_1, False, THINGS, 0.6, 16),
    "look_2": ("looks there, too", shipped.LOOK_2, False, THINGS, 0.6, 36),
    "hair": ("looks for hair over the face", shipped.HAIR, False, HAIR, 0.35, 26),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.occluder_net",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (what, *_rest, seed) in _NETS.items():
        net = commands.add_parser(name, help=f"make the network that {what}")
        net.add_argument("--heads", type=int, default=4500, help="bare heads to draw (4500)")
        net.add_argument("--samples", type=int, default=48000, help="pictures made of them (48000)")
        net.add_argument("--steps", type=int, default=32000, help="batches of 32 to learn from (32000)")
        net.add_argument("--seed", type=int, default=seed, help=f"({seed})")
        net.add_argument("--out", type=Path, help="the file to write (the shipped one)")
    told = commands.add_parser("measure", help="say what the painter keeps in front, notes and misses")
    told.add_argument("--root", type=Path, required=True, help="a folder of AFLW2000, whole or a part")
    told.add_argument("--jobs", type=int, choices=(1, 2), default=2, help="processes (2)")
    return parser


def _make(args: argparse.Namespace) -> None:
    import torch

    from .heads import draw_head
    from .net import Glance, Look, save_onnx
    from .train import learn

    _what, file, small, lesson, often, _seed = _NETS[args.command]
    kind = Glance if small else Look
    heads = [head for n in range(args.heads) if (head := draw_head(args.seed, n)) is not None]
    print(f"{len(heads)} heads", flush=True)
    rng = np.random.default_rng(args.seed)
    inputs = np.empty((args.samples, CHANNELS, SIDE, SIDE), np.float16)
    labels = np.empty((args.samples, SIDE, SIDE), np.uint8)
    for k in range(args.samples):
        inputs[k], labels[k], _, _ = make(rng, heads[int(rng.integers(len(heads)))], often, lesson)
    print(f"{args.samples} samples", flush=True)
    torch.manual_seed(args.seed)
    net = kind()
    learn(net, inputs, labels, args.steps, args.seed, lambda n, loss: print(f"{n}: {loss:.4f}", flush=True))
    out = args.out or _OUT / file
    save_onnx(net, out)
    print(f"wrote {out}")


def main(argv: list[str] | None = None) -> int:
    """Run the tool; the exit code."""
    args = _parser().parse_args(argv)
    if args.command == "measure":
        return measure(args.root, args.jobs)
    _make(args)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
