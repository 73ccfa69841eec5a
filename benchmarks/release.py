"""Speed and size of releases, as ratios of CPU time within one run: what the machine is does not matter.

    python benchmarks/release.py --root DIR [...]      masks each dataset first, then measures
    python benchmarks/release.py --masked DIR          an output of maskgen apply that is there

pack      packaging without its checks, pixels not hashed, against sha256 of the same files: those of the
          masked dataset, in pieces of 1 MiB as hashing programs read (the originals' hashes stand in the
          manifest and are not computed again)
at once   the same against sha256 of each file read by one call, the least that Python can do
pixels    the same, every picture decoded and hashed as well
checks    the checks that packaging runs first, alone
rebuild   maskgen rebuild, against maskgen apply of the same recipe
size      the recipe release against the bytes of the pictures
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from maskgen.jobs.parallel import pin_threads  # noqa: E402

pin_threads()

from maskgen.apply import apply_recipe, template_hashes  # noqa: E402
from maskgen.apply_one import Templates  # noqa: E402
from maskgen.checks.dataset import CheckOptions, check_dataset  # noqa: E402
from maskgen.checks.finding import Report  # noqa: E402
from maskgen.datasets import recognise  # noqa: E402
from maskgen.io.files import sha256_file  # noqa: E402
from maskgen.jobs.manifest import read_manifest  # noqa: E402
from maskgen.jobs.output import read_run  # noqa: E402
from maskgen.recipe import Recipe  # noqa: E402
from maskgen.release.model import open_release  # noqa: E402
from maskgen.release.package import PackageOptions, package  # noqa: E402
from maskgen.release.rebuild import rebuild, verify  # noqa: E402

#: the asked-for figures
LIMITS = {"pack": 1.3, "rebuild": 1.15, "size": 0.10}


def best(runs: int, *calls: Callable[[], object]) -> list[float]:
    """Least CPU seconds of each call, alternating: files are warm, so reading waits for no disk, and what
    other programs do to the clock does not count."""
    least = [float("inf")] * len(calls)
    for _ in range(runs):
        for number, call in enumerate(calls):
            start = time.process_time()
            call()
            least[number] = min(least[number], time.process_time() - start)
    return least


def apply(root: Path, out: Path) -> None:
    """maskgen apply with the default recipe."""
    fmt, catalogue = recognise(root), Templates().catalogue()
    assert fmt is not None
    recipe = Recipe().resolved(catalogue)
    shutil.rmtree(out, ignore_errors=True)
    apply_recipe(fmt, root, out, recipe, identity=template_hashes(recipe, catalogue))


def measure(masked: Path, folder: Path, runs: int) -> dict[str, float]:
    """All figures of one masked dataset."""
    run = read_run(masked) or {}
    names = [n for o in read_manifest(masked) for n in o.files] + list(run["shared"])

    def hash_all() -> None:
        for name in names:
            sha256_file(masked / name)

    def hash_at_once() -> None:
        for name in names:
            hashlib.sha256((masked / name).read_bytes()).hexdigest()

    def pack(pixels: bool) -> None:
        nothing = Report(str(masked), run["dataset"])
        with mock.patch("maskgen.release.gather.check_dataset", return_value=nothing):
            package(masked, folder / "rel", PackageOptions(pixels=pixels, overwrite=True))

    hash_all()
    t_hash, t_least, t_pack = best(3 * runs, hash_all, hash_at_once, lambda: pack(False))
    (t_pixels,) = best(runs, lambda: pack(True))
    (t_check,) = best(1, lambda: check_dataset(masked, CheckOptions(hashes=False)))
    made = package(masked, folder / "rel", PackageOptions(overwrite=True))
    found = {
        "images": made.info["counts"]["images"],
        "sha256_s": t_hash,
        "pack": t_pack / t_hash,
        "at once": t_pack / t_least,
        "pixels": t_pixels / t_hash,
        "checks": t_check / t_hash,
        "size": made.size / made.image_bytes,
    }
    root = Path(run["root"])
    if root.is_dir():
        found |= again(root, folder, runs)
    return found


def again(root: Path, folder: Path, runs: int) -> dict[str, float]:
    """Rebuilding against applying, and verifying."""
    release, out = open_release(folder / "rel"), folder / "again"

    def remake() -> None:
        shutil.rmtree(out, ignore_errors=True)
        comparison = rebuild(release, root, out)
        assert comparison.ok, comparison.text()

    runs = max(1, min(runs, 2))
    t_apply, t_rebuild = best(runs, lambda: apply(root, folder / "applied"), remake)
    (t_verify,) = best(1, lambda: verify(release, out))
    return {"rebuild": t_rebuild / t_apply, "verify_s": t_verify}


def main() -> int:
    """Print one JSON line a dataset; exit code 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", type=Path, action="append", default=[])
    parser.add_argument("--masked", type=Path, action="append", default=[])
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    missed = []
    for place in [*arguments.root, *arguments.masked]:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            masked = place
            if place in arguments.root:
                masked = folder / "masked"
                apply(place, masked)
            found = measure(masked, folder, arguments.runs)
        print(json.dumps({"dataset": place.name, **{k: round(v, 4) for k, v in found.items()}}), flush=True)
        missed += [f"{place.name}: {k}" for k, limit in LIMITS.items() if found.get(k, 0.0) > limit]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
