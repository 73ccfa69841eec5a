"""release.json: everything about a release that is not about one picture. No time, no place, no machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..jobs.manifest import versions
from .gather import Content, places, without
from .model import SCHEMA, content_hash
from .presets import preset_of

#: a source of landmarks that names a folder of the packager's machine
_FILES = "files:"
#: errors of a release made all the same that release.json lists; the count tells of the rest
_MOST_ERRORS = 50


def release_info(content: Content) -> dict[str, Any]:
    """The whole of release.json; docs/release.md names what a rebuild needs of it."""
    run, options, outcomes = content.run, content.options, content.outcomes
    statuses = Counter(o.status for o in outcomes)
    preset = preset_of(run)
    whole = content_hash(outcomes, run["shared"])
    chain = [{k: v for k, v in link.items() if k != "manifest"} for link in run.get("chain", [])]
    return {
        "schema": SCHEMA,
        "kind": options.kind,
        "name": content.name,
        "version": options.version,
        "date": options.date,
        "licence": options.licence,
        "dataset": content.fmt.name,
        "tool": run.get("tool"),
        "layout": options.layout if options.kind == "images" else None,
        "counts": {
            "images": len(content.rows),
            "inputs": len(outcomes),
            **dict(sorted(statuses.items())),
            "groups": len(set(content.groups.values())),
        },
        "content_sha256": whole,
        "recipe": _public(run.get("recipe", {})),
        "versions": run.get("versions") or versions(),
        "shared": run["shared"],
        "chain": chain,
        "preset": None if preset is None else {"name": preset.name, "matches": preset.matches(whole)},
        "pixels": options.pixels,
        "layers": list(options.layers),
        "splits": content.splits.record(),
        "synthetic": content.right.synthetic,
        "right": content.right.statement,
        "despite": _despite(content),
    }


def _public(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe without the folder of landmark files."""
    words = str(recipe.get("landmarks", "")).split(",")
    if not any(word.strip().startswith(_FILES) for word in words):
        return dict(recipe)
    kept = [f"{_FILES}LANDMARKS" if word.strip().startswith(_FILES) else word for word in words]
    return {**recipe, "landmarks": ",".join(kept)}


def _despite(content: Content) -> dict[str, Any] | None:
    if not content.errors:
        return None
    first = [f"{f.code}: {f.id}: {f.message}" for f in content.errors[:_MOST_ERRORS]]
    folders = places(content.root, content.run)
    first = [without(folders, line) for line in first]
    return {"reason": content.options.despite, "count": len(content.errors), "errors": first}
