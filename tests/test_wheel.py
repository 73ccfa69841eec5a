"""The wheel holds all that is needed: built, installed alone in a clean environment, it paints.

An editable install would hide a template that is missing from the wheel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PAINT = """
import json, sys
import numpy as np
import maskgen, mask_templates
from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.landmarks import Landmarks
from maskgen.geometry.pose import HeadPose
from maskgen.masks.catalogue import Catalogue
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import Painter

catalogue = Catalogue.load()
rng = np.random.default_rng(0)
image = rng.integers(110, 150, (200, 200, 3), dtype=np.uint8)
points = CANONICAL_FACE[:, :2] * 0.8 + 100
changed = {}
for name in catalogue.names():
    painted = Painter(catalogue).paint(
        image, Landmarks.of(points, "test"), HeadPose.from_euler(0, 0, 0), MaskDraw(name)
    )
    changed[name] = int((painted.segmentation > 0).sum())
print(json.dumps({"changed": changed, "from": [maskgen.__file__, mask_templates.__file__]}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(out.glob("*.whl"))


def test_the_wheel_holds_every_template_and_nothing_of_the_workshop(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "mask_templates").rglob("*")
        if path.is_file() and path.suffix in (".toml", ".png", ".py")
    }
    assert len(templates) > 3
    assert templates <= names
    assert {"maskgen/py.typed", "rotaug/py.typed"} <= names
    assert any(name.endswith("LICENSE") for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"maskgen", "rotaug", "mask_templates"}


def test_data_files_of_the_package_are_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "maskgen", "rotaug", "mask_templates"], cwd=ROOT, capture_output=True, text=True
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    assert set(tracked.stdout.split()) <= names


def test_the_installed_wheel_paints_every_style(wheel, tmp_path):
    home = tmp_path / "clean"
    venv.create(home, with_pip=False)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    # the libraries come from this environment, maskgen from the wheel alone: its own site-packages come first
    purelib = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
    ).stdout.strip()
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        purelib,
    ]
    subprocess.run([*install, str(wheel)], check=True)
    libraries = Path(purelib) / "libraries.pth"
    libraries.write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [python, "-c", PAINT], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert all(Path(file).is_relative_to(home) for file in report["from"])
    assert set(report["changed"]) == {
        path.parent.name for path in (ROOT / "mask_templates").glob("*/mask.toml")
    }
    for style, pixels in report["changed"].items():
        assert pixels > 2000, f"{style} painted {pixels} pixels"
