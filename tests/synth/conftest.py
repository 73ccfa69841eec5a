"""Small synthetic datasets, made once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskgen.synth.layouts.base import Order
from maskgen.synth.run import generate, get_layout

SEED = 5


def order(root: Path, name: str, count: int, **more) -> Order:
    return Order(root / name, count, SEED, detail=False, **more)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> dict[str, Order]:
    """Layout name -> the order that was carried out: every layout, without strands of hair."""
    root = tmp_path_factory.mktemp("synth")
    orders = {
        "300W-LP": order(root, "300W-LP", 5, views=3),
        "AFLW2000": order(root, "AFLW2000", 4),
        "BIWI": order(root, "BIWI", 4, views=2),
    }
    for name, one in orders.items():
        assert generate(get_layout(name), one, quiet=True) == one.count
    return orders
