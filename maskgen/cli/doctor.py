"""maskgen doctor: Check this installation: versions, clashes, disk, caches, weights and datasets."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click

_MARKS = {"ok": "ok  ", "note": "note", "warn": "warn", "fail": "FAIL"}
_CORE = ("numpy", "scipy", "pillow", "joblib", "click", "numba", "orjson")
_OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
#: optional libraries, what they are for, and the extra that brings them
_OPTIONAL = {
    "torch": ("training and evaluation, landmark detection", "train"),
    "face-alignment": ("landmarks without labels", "detect"),
    "matplotlib": ("plots", "plot"),
    "onnxruntime": ("evaluation of ONNX models", "onnx"),
    "jpeglib": ("--jpeg splice", "dct"),
    "pyarrow": ("Parquet index of a release", "parquet"),
}
#: bytes below which an output will hardly fit: 300W-LP masked takes about 3 GB
_LITTLE_SPACE = 5e9


@dataclass(frozen=True)
class Check:
    """One line of the report; level is a key of _MARKS."""

    level: str
    topic: str
    text: str


@click.command("doctor")
@click.option("--quiet", "-q", is_flag=True, help="Only what is wrong.")
def command(quiet: bool) -> int:
    """Check this installation; exit code 1 if something must be mended.

    Looked at are Python and library versions, the clash of opencv-python with its twins, free disk space, the
    cache of compiled kernels, mask styles, detector weights and datasets.
    """
    failed = 0
    for part in (
        _python,
        _libraries,
        _opencv,
        _optional,
        _space,
        _kernel_cache,
        _styles,
        _weights,
        _datasets,
    ):
        for check in part():
            failed += check.level == "fail"
            if not quiet or check.level in ("warn", "fail"):
                click.echo(f"{_MARKS[check.level]}  {check.topic:<12} {check.text}")
    return 1 if failed else 0


def _python() -> Iterator[Check]:
    from .. import __version__

    yield Check("ok", "maskgen", f"{__version__} in {Path(__file__).parents[1]}")
    good = sys.version_info >= (3, 11)
    hint = "" if good else "; maskgen needs 3.11 or newer"
    yield Check("ok" if good else "fail", "python", f"{platform.python_version()} at {sys.executable}{hint}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _libraries() -> Iterator[Check]:
    for name in _CORE:
        found = _version(name)
        if found is None:
            yield Check("fail", name, f"not installed; pip install {name}")
        else:
            yield Check("ok", name, found)


def _opencv() -> Iterator[Check]:
    """All four distributions write the same folder cv2: the last one installed wins, half overwritten."""
    found = {name: version for name in _OPENCV if (version := _version(name)) is not None}
    mend = f"pip uninstall -y {' '.join(found) or 'opencv-python'} && pip install opencv-python"
    try:
        import cv2
    except Exception as error:
        yield Check("fail", "opencv", f"cv2 cannot be imported ({type(error).__name__}: {error}); {mend}")
        return
    listed = ", ".join(f"{name} {version}" for name, version in found.items()) or f"cv2 {cv2.__version__}"
    if len(found) > 1:
        yield Check("fail", "opencv", f"{listed} overwrite each other's files; {mend}")
    elif found and not next(iter(found.values())).startswith(cv2.__version__):
        yield Check("fail", "opencv", f"{listed} is installed but cv2 {cv2.__version__} is imported; {mend}")
    else:
        yield Check("ok", "opencv", listed)


def _optional() -> Iterator[Check]:
    for name, (purpose, extra) in _OPTIONAL.items():
        found = _version(name)
        if found is None:
            yield Check("note", name, f"not installed (for {purpose}; pip install 'maskgen[{extra}]')")
        else:
            yield Check("ok", name, found)


def _space() -> Iterator[Check]:
    for topic, place in (("disk", Path.cwd()), ("temp", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(place).free
        text = f"{free / 1e9:.1f} GB free at {place}"
        yield Check("ok" if free > _LITTLE_SPACE or topic == "temp" else "warn", topic, text)


def _writable(folder: Path) -> bool:
    """Whether a file can really be made there; permission bits alone do not tell."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _kernel_cache() -> Iterator[Check]:
    """Where numba keeps compiled kernels; without such a place every process compiles again, for a minute."""
    from .. import paint

    given = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else [Path(next(iter(paint.__path__))) / "__pycache__", _user_cache()]
    usable = next((place for place in places if _writable(place)), None)
    if usable is None:
        listed = " and ".join(str(place) for place in places)
        hint = "set NUMBA_CACHE_DIR to a folder you may write to"
        yield Check("fail", "kernel cache", f"cannot write to {listed}; {hint}")
    else:
        yield Check("ok", "kernel cache", str(usable))


def _user_cache() -> Path:
    from numba.misc.appdirs import AppDirs  # as numba itself asks when its first choice cannot be written

    dirs = AppDirs(appname="numba", appauthor=False)  # type: ignore[no-untyped-call]
    return Path(dirs.user_cache_dir)


def _styles() -> Iterator[Check]:
    from ..errors import MaskgenError
    from ..masks.catalogue import Catalogue

    try:
        catalogue = Catalogue.load()
    except MaskgenError as error:
        yield Check("fail", "styles", str(error))
        return
    except (ImportError, OSError) as error:
        yield Check("fail", "styles", f"{error}; reinstall maskgen")
        return
    text = f"{len(catalogue.names())} mask styles, {len(catalogue.fabrics)} fabrics"
    yield Check("ok", "styles", text)


def _weights() -> Iterator[Check]:
    from ..errors import UsageError
    from ..landmarks.weights import FACE_NET, LANDMARK_NET, find_weights

    for name in (LANDMARK_NET, FACE_NET):
        try:
            yield Check("ok", "weights", str(find_weights(name)))
        except UsageError as error:
            yield Check("note", "weights", f"only for --landmarks detect: {error}")


def _datasets() -> Iterator[Check]:
    from ..datasets.locate import search
    from ..datasets.registry import all_formats

    for fmt in all_formats():
        found = [place.root for place in search(fmt) if place.root is not None]
        if found:
            yield Check("ok", "dataset", f"{fmt.name} at {found[0]}")
        else:
            yield Check("note", "dataset", f"{fmt.name} not found; pass --root, or see maskgen datasets")
