"""Masked fakes and one recipe release of each, made once: painting is the slow part."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from maskgen.datasets import all_formats
from maskgen.jobs.output import RECORDS
from maskgen.release.package import PackageOptions, package
from tests.fakes.fakes import write_fake
from tests.release.helpers import mask

NAMES = [fmt.name for fmt in all_formats()]


@pytest.fixture(scope="session")
def made_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path, Path]]:
    cache: dict[str, tuple[Path, Path, Path]] = {}

    def get(name: str) -> tuple[Path, Path, Path]:
        if name not in cache:
            folder = tmp_path_factory.mktemp("release")
            root = write_fake(name, folder / "originals")
            masked, release = folder / "masked", folder / "release"
            mask(name, root, masked, save="alpha,segmentation", share=0.9)
            package(masked, release, PackageOptions())
            cache[name] = (root, masked, release)
        return cache[name]

    return get


@pytest.fixture(params=NAMES)
def every(request: pytest.FixtureRequest, made_of: Callable) -> tuple[str, Path, Path, Path]:
    """(dataset, originals, masked, release) of every format; to be read only."""
    return (request.param, *made_of(request.param))


@pytest.fixture
def aflw(made_of: Callable) -> tuple[Path, Path, Path]:
    """(originals, masked, release) of AFLW2000; to be read only."""
    found: tuple[Path, Path, Path] = made_of("AFLW2000")
    return found


@pytest.fixture
def damaged(aflw: tuple[Path, Path, Path], tmp_path: Path) -> tuple[Path, Path, Path]:
    """Copies of `aflw` to damage."""
    return tuple(Path(shutil.copytree(p, tmp_path / p.name)) for p in aflw)  # type: ignore[return-value]


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Content by path of every file but what tells of the run itself."""

    def read(root: Path) -> dict[str, bytes]:
        about_the_run = {f"{RECORDS}/run.json", f"{RECORDS}/rebuild.json", f"{RECORDS}/lock"}
        found = {p.relative_to(root).as_posix(): p for p in root.rglob("*") if p.is_file()}
        return {name: p.read_bytes() for name, p in sorted(found.items()) if name not in about_the_run}

    return read
