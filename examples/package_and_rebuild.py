"""Publish a masked dataset without one of its pictures, and make it again from the originals.

python examples/package_and_rebuild.py AFLW2000            your copy of a dataset
python examples/package_and_rebuild.py                     heads of maskgen synth
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from maskgen.apply import apply_recipe, template_hashes
from maskgen.apply_one import ApplyOptions, Templates
from maskgen.datasets import recognise
from maskgen.recipe import Recipe
from maskgen.release.model import open_release
from maskgen.release.package import package
from maskgen.release.rebuild import rebuild
from maskgen.synth.layouts.base import Order
from maskgen.synth.run import generate, get_layout

folder = Path(tempfile.mkdtemp())
if len(sys.argv) > 1:
    originals = Path(sys.argv[1])
else:
    originals = folder / "originals"
    generate(get_layout("AFLW2000"), Order(originals, 4, 0, "uniform", 0, None, (), False), quiet=True)

dataset, catalogue = recognise(originals), Templates().catalogue()
assert dataset is not None, f"no dataset in {originals}"
recipe = Recipe().updated({"styles": "surgical:3,kn95", "seed": 7}).resolved(catalogue)
identity = template_hashes(recipe, catalogue)
apply_recipe(dataset, originals, folder / "masked", recipe, ApplyOptions(limit=50), identity=identity)

made = package(folder / "masked", folder / "release")
print(made.text())
print(rebuild(open_release(folder / "release"), originals, folder / "rebuilt").text())
