"""The fabrics of the catalogue by name: how each is drawn, and how large one repeat is."""

from __future__ import annotations

from collections.abc import Callable

import cv2

from .prints import PRINTS
from .tile import Tile
from .weaves import WEAVES

#: name: (drawing, millimetres of one repeat)
FABRICS: dict[str, tuple[Callable[[], Tile], float]] = dict(sorted({**WEAVES, **PRINTS}.items()))


def png(name: str) -> bytes:
    """The tile of fabric ``name`` as PNG bytes."""
    ok, data = cv2.imencode(".png", FABRICS[name][0]().image(), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not ok:
        raise RuntimeError(f"cannot encode fabric {name}")
    return data.tobytes()


def listing() -> str:
    """The text of fabrics.toml."""
    head = "# Written by tools/make_templates.py. size_mm: edge of one repeat on the cloth.\n"
    return head + "".join(f"\n[{name}]\nsize_mm = {size}\n" for name, (_, size) in FABRICS.items())
