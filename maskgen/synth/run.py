"""Make a synthetic dataset: plan it, render it in parallel, and keep a record of what is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..datasets.registry import plain
from ..errors import UsageError
from ..io.files import atomic_write
from ..jobs.output import RECORDS, check_output, open_output
from ..jobs.parallel import stream
from ..jobs.progress import Progress
from .layouts.base import Layout, Order


def all_layouts() -> dict[str, Layout]:
    """Layouts by name."""
    from .layouts import aflw2000, biwi, w300lp

    return {layout.name: layout for layout in (w300lp.LAYOUT, aflw2000.LAYOUT, biwi.LAYOUT)}


def get_layout(name: str) -> Layout:
    """The layout called ``name``, whatever its case and punctuation. Raises UsageError with the names."""
    for layout in all_layouts().values():
        if plain(layout.name) == plain(name):
            return layout
    raise UsageError(f"unknown layout {name!r}; --like takes {', '.join(all_layouts())}")


def _make(layout: Layout, order: Order, job: Any) -> dict[str, Any]:
    return layout.make(order, job)


def generate(
    layout: Layout, order: Order, *, jobs: int = 1, quiet: bool = False, overwrite: bool = False,
    progress: Callable[[int], Progress] | None = None,
) -> int:  # fmt: skip
    """Write the dataset that ``order`` asks for; returns the number of pictures.

    The bytes depend on the order alone, not on ``jobs``. Raises UsageError where the count is not positive or
    the output folder is taken.
    """
    if order.count <= 0:
        raise UsageError(f"-n {order.count}: the number of pictures must be 1 or more")
    if order.count > layout.most:
        raise UsageError(f"-n {order.count}: {layout.name} has names for {layout.most:,} pictures at most")
    planned = layout.plan(order)
    for root in filter(None, (order.out, order.twin)):
        check_output(root, overwrite=overwrite, resumable=False)
    with open_output(order.out, overwrite=overwrite, resumable=False):
        if order.twin is not None:
            with open_output(order.twin, overwrite=overwrite, resumable=False):
                return _write_all(layout, order, planned, jobs, quiet)
        return _write_all(layout, order, planned, jobs, quiet)


def _write_all(layout: Layout, order: Order, planned: list[Any], jobs: int, quiet: bool) -> int:
    run: dict[str, Any] = {
        "tool": "maskgen synth",
        "status": "running",
        "layout": layout.name,
        "count": order.count,
        "seed": order.seed,
        "poses": order.poses,
        "views": order.views,
        "styles": list(order.styles),
        "detail": order.detail,
    }
    roots = [root for root in (order.out, order.twin) if root is not None]
    _record(roots, run)
    layout.prepare(order, planned)
    meter = Progress(len(planned), label="heads", quiet=quiet)
    records = []
    for record in stream(partial(_make, layout, order), planned, jobs=jobs, total=len(planned)):
        records.append(json.dumps(record))
        meter.update()
    meter.close()
    for root in roots:
        atomic_write(root / RECORDS / "synth.jsonl", ("\n".join(records) + "\n").encode())
    _record(roots, run | {"status": "complete"})
    return len(planned)


def _record(roots: list[Path], run: dict[str, Any]) -> None:
    for root in roots:
        atomic_write(root / RECORDS / "run.json", (json.dumps(run, indent=1) + "\n").encode())
