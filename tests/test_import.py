"""Importing is quiet, quick and works without the optional libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: what the extras bring
OPTIONAL = [
    *("torch", "torchvision", "timm", "face_alignment", "onnx", "onnxruntime", "matplotlib", "h5py", "yaml"),
    *("jpeglib", "pyarrow", "zstandard", "mlcroissant"),
]


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )


def test_importing_maskgen_and_rotaug_says_nothing():
    done = python("import maskgen, rotaug; print(maskgen.__version__)")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_the_command_line_starts_without_any_array_library():
    done = python(
        "import sys, maskgen.cli.main as m\n"
        "assert m.run(m.command, ['--help']) == 0\n"
        "heavy = {'numpy', 'cv2', 'numba', 'scipy', 'PIL', 'joblib', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    assert done.returncode == 0, done.stderr


def test_everything_but_the_harness_imports_without_optional_libraries():
    done = python(
        "import importlib, pkgutil, sys\n"
        f"for name in {OPTIONAL}:\n"
        "    sys.modules[name] = None\n"
        "import maskgen, rotaug\n"
        "for package in (maskgen, rotaug):\n"
        "    for info in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not info.name.startswith('maskgen.hpe.') and not info.name.endswith('__main__'):\n"
        "            importlib.import_module(info.name)\n"
    )
    assert done.returncode == 0, done.stderr
