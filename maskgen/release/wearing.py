"""What the pictures of a release wear: what apply drew for them, or for what was turned afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..jobs.outcome import DONE, Outcome
from ..jobs.output import RECORDS
from .model import parse_manifest


def wearing(
    folder: Path, run: Mapping[str, Any], outcomes: Iterable[Outcome]
) -> dict[str, Mapping[str, Any]]:
    """The draw of the mask that each picture wears, by id; who wears none is left out.

    folder: a finished output. A rotated one says nothing of masks itself: its pictures wear what their
    sources wear, as told by the manifests of the steps before (``run["chain"]``, earliest first).
    """
    if run.get("tool") != "rotaug":
        return {o.id: o.draw for o in outcomes if o.draw and o.status in DONE}
    at = {o.id: o.source for o in outcomes if o.output}
    for link in reversed(run.get("chain") or []):
        if link.get("manifest") is None:  # heads that were computed
            break
        text = (folder / RECORDS / "chain" / link["manifest"]).read_text("utf-8")
        made = {o.output: o for o in parse_manifest(text) if o.output}
        steps = {name: made[source] for name, source in at.items() if source in made}
        if link["tool"] != "rotaug":
            return {name: o.draw for name, o in steps.items() if o.draw and o.status in DONE}
        at = {name: o.source for name, o in steps.items()}
    return {}
