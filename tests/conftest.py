"""Fixtures shared by all tests."""

from __future__ import annotations

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
