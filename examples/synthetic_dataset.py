"""Synthetic heads: make a small dataset, read it, and render one scene of one's own with exact labels.

python examples/synthetic_dataset.py [OUT] [N]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from maskgen.datasets.registry import get_format
from maskgen.synth.film import develop
from maskgen.synth.layouts.base import Order
from maskgen.synth.photo import Shot, compose
from maskgen.synth.render import render
from maskgen.synth.run import generate, get_layout


def main(out: Path, count: int) -> None:
    # a small AFLW2000, every file as in the original
    generate(get_layout("AFLW2000"), Order(out / "AFLW2000", count, seed=1), quiet=True)
    fmt = get_format("AFLW2000")
    for entry in fmt.index(out / "AFLW2000"):
        sample = fmt.read(out / "AFLW2000", entry)
        print(entry.id, [round(angle, 1) for angle in sample.label_angles or ()])

    # one head: any pose, any size, and everything that the renderer knows
    angles = (35.0, -10.0, 5.0)
    scene, film, exposure = compose(seed=1, shot=Shot("ada", "portrait", 0, angles, angles), size=600)
    rendered = render(scene)
    picture = develop(rendered.linear, exposure, film)
    for x, y in rendered.landmarks[:, :2].round().astype(int):
        cv2.circle(picture, (int(x), int(y)), 2, (0, 255, 0), -1)
    cv2.imwrite(str(out / "ada.png"), picture)
    print(out / "ada.png")


if __name__ == "__main__":
    main(
        Path(sys.argv[1] if len(sys.argv) > 1 else "synthetic"), int(sys.argv[2]) if len(sys.argv) > 2 else 8
    )
