"""The pictures of docs/styles.md, drawn on a synthetic face; no photograph is involved.

python -m tools.draw_style_docs docs/images
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from maskgen.masks.catalogue import Catalogue
from maskgen.masks.spec import WEARS, MaskDraw
from maskgen.paint.pipeline import Painter
from maskgen.report.contact import Tile, contact_sheet
from maskgen.synth.portrait import portrait

_WIDTH, _QUALITY, _MOST_BYTES = 1280, 84, 400_000
_WORN = (("surgical", "#aad6ee"), ("cloth", "#26375c"), ("kn95", "#eef0f0"))


def sheet_of(*options: str) -> np.ndarray:
    """What `maskgen styles --sheet` draws, (h, w, 3) BGR."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sheet.png"
        subprocess.run(
            [sys.executable, "-m", "maskgen", "styles", *options, "--sheet", str(file)], check=True
        )
        return np.asarray(cv2.imread(str(file)))


def wears(painter: Painter) -> Iterator[Tile]:
    """Styles in rows, ways of wearing them in columns; in the last the mask is skewed."""
    image, landmarks, pose = portrait(-28.0, 0.0, size=400)
    for style, color in _WORN:
        for wear, skew in (*((w, 0.0) for w in WEARS), ("correct", 6.0)):
            draw = MaskDraw(style, color=color, wear=wear, skew_deg=skew)
            painted = painter.paint(image, landmarks, pose, draw)
            caption = f"{style}: {wear}" + (f", skewed {skew:g} degrees" if skew else "")
            yield Tile(painted.image[80:380, 50:350], caption)


def save(path: Path, picture: np.ndarray) -> None:
    """As JPEG, at most _WIDTH wide and _MOST_BYTES long."""
    scale = min(1.0, _WIDTH / picture.shape[1])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for quality in range(_QUALITY, 20, -8):
        data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= _MOST_BYTES:
            break
    path.write_bytes(data)
    print(f"{path}: {small.shape[1]} x {small.shape[0]}, {len(data)} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", nargs="?", type=Path, default=Path("docs/images"), help="(docs/images)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    save(out / "styles.jpg", sheet_of())
    save(out / "fabrics.jpg", sheet_of("--fabrics"))
    save(out / "wears.jpg", contact_sheet(wears(Painter(Catalogue.load())), len(WEARS) + 1, (240, 240)))
