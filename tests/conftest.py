"""Fixtures shared by all tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

#: real sample files for tests, when a checkout has them beside it; research use, never part of the project
SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real sample files; tests that use it skip where it is absent."""
    if not (SHARED / "samples").is_dir():
        pytest.skip("the real sample files are not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def samples(shared: Path) -> Path:
    """Real files of the three datasets."""
    return shared / "samples"


@pytest.fixture(scope="session")
def _fakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {"": tmp_path_factory.mktemp("fakes")}


@pytest.fixture
def fake_dataset(_fakes: dict[str, Path], tmp_path: Path) -> Callable[..., Path]:
    """``fake_dataset(name, private=False)``: root of a tiny dataset with the true tree and valid labels.

    Names as for maskgen.datasets.get_format. The default is shared by all tests: read it only. With
    ``private`` the test gets its own copy under tmp_path / "fake" to damage.
    """

    def get(name: str, private: bool = False) -> Path:
        from maskgen.datasets import get_format
        from tests.fakes.fakes import write_fake

        name = get_format(name).name
        if name not in _fakes:
            _fakes[name] = write_fake(name, _fakes[""])
        root = _fakes[name]
        return Path(shutil.copytree(root, tmp_path / "fake" / root.name)) if private else root

    return get
