"""Write the masked twin of a dataset from Python, and read its manifest.

python examples/mask_dataset.py AFLW2000 AFLW2000_masked
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from maskgen.apply import apply_recipe
from maskgen.apply_one import ApplyOptions, Templates
from maskgen.datasets import recognise
from maskgen.errors import MaskgenError
from maskgen.jobs.manifest import read_manifest
from maskgen.recipe import Recipe

#: as in a recipe's TOML file (docs/apply.md)
CHOICES = {
    "seed": 7,
    "styles": {"surgical": 3, "n95": 1, "cloth": 1},
    "fabrics": ["gingham", "dots"],
    "fabric_share": 0.3,
    "wear": {"correct": 8, "under_nose": 1},
    "save": ["segmentation"],
}


def main(root: Path, out: Path) -> int:
    """Mask every picture and count what was drawn; 2 where that cannot be."""
    try:
        fmt = recognise(root)
        if fmt is None:
            raise MaskgenError(f"{root} holds no dataset that maskgen knows")
        recipe = Recipe().updated(CHOICES).resolved(Templates().catalogue())
        result = apply_recipe(fmt, root, out, recipe, ApplyOptions(jobs=1))
    except MaskgenError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"{result.total - result.failed} of {result.total} pictures are in {out}")
    worn: Counter[str] = Counter()
    for outcome in read_manifest(out):
        if outcome.draw is not None:
            worn[outcome.draw["style"]] += 1
        if outcome.status != "ok":
            print(f"{outcome.id} {outcome.status}: {'; '.join(outcome.reasons)}")
    print(", ".join(f"{style} {count}" for style, count in worn.most_common()))
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
