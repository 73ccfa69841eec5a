from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from maskgen.datasets import all_formats, get_format, locate, recognise, registry
from maskgen.datasets.base import Card, DatasetFormat
from maskgen.errors import DatasetNotFound, UsageError


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch, tmp_path: Path) -> None:
    """An empty working folder and no variable, so that nothing is found by chance."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.delenv("MASKGEN_DATA", raising=False)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        *((s, "BIWI") for s in ("BIWI", "biwi", "Biwi")),
        *((s, "300W-LP") for s in ("300W-LP", "300W_LP", "300WLP", "300w-lp", "300w_lp")),
        *((s, "AFLW2000") for s in ("AFLW2000", "aflw2000", "AFLW2000-3D", "aflw2000_3d")),
    ],
)
def test_a_name_is_known_in_every_usual_spelling(spelling: str, name: str) -> None:
    assert get_format(spelling).name == name


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown dataset 'AFLW'; known are 300W-LP, AFLW2000, BIWI"):
        get_format("AFLW")


@pytest.mark.parametrize("folder", ["BIWI", "biwi", "Biwi", "BIWI_Kinect"])
@pytest.mark.parametrize("place", ["variable", ".", "data"])
def test_each_place_is_searched_under_each_spelling(
    fake_dataset, monkeypatch, tmp_path, folder, place
) -> None:
    base = tmp_path / "store" if place == "variable" else Path(place)
    if place == "variable":
        monkeypatch.setenv("MASKGEN_DATA", str(base))
    shutil.copytree(fake_dataset("BIWI"), base / folder)
    assert locate("biwi").resolve() == (base / folder).resolve()


def test_the_variable_wins_over_the_working_folder_and_root_over_both(
    fake_dataset, monkeypatch, tmp_path
) -> None:
    fake = fake_dataset("AFLW2000")
    for place in (tmp_path / "store", tmp_path / "cwd", tmp_path / "given"):
        shutil.copytree(fake, place / "AFLW2000")
    assert locate("AFLW2000") == Path("AFLW2000")
    monkeypatch.setenv("MASKGEN_DATA", str(tmp_path / "store"))
    assert locate("AFLW2000") == tmp_path / "store" / "AFLW2000"
    assert locate("AFLW2000", tmp_path / "given") == tmp_path / "given" / "AFLW2000"
    assert locate("AFLW2000", tmp_path / "given" / "AFLW2000") == tmp_path / "given" / "AFLW2000"


def test_an_archive_unpacked_twice_is_found_inside(fake_dataset, tmp_path) -> None:
    shutil.copytree(fake_dataset("300W-LP"), tmp_path / "x" / "300W-LP" / "300W_LP")
    inner = tmp_path / "x" / "300W-LP" / "300W_LP"
    for root in (tmp_path / "x", tmp_path / "x" / "300W-LP", inner):
        assert locate("300W-LP", root) == inner


def test_nothing_found_says_where_it_looked_and_what_to_do(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("MASKGEN_DATA", str(tmp_path / "store"))
    with pytest.raises(DatasetNotFound) as caught:
        locate("biwi")
    text = str(caught.value)
    assert all(part in text for part in (str(tmp_path / "store" / "BIWI"), "data/BIWI", "--root"))
    assert "\n" not in text
    monkeypatch.delenv("MASKGEN_DATA")
    with pytest.raises(DatasetNotFound, match="MASKGEN_DATA"):
        locate("biwi")


def test_a_wrong_root_says_what_it_looks_like_and_what_was_expected(fake_dataset, tmp_path) -> None:
    with pytest.raises(DatasetNotFound, match="looks like BIWI; expected imageNNNNN"):
        locate("AFLW2000", fake_dataset("BIWI"))
    with pytest.raises(DatasetNotFound, match="no such folder"):
        locate("AFLW2000", tmp_path / "absent")


def test_a_folder_of_nothing_known_is_not_recognised(tmp_path) -> None:
    assert recognise(tmp_path) is None
    assert recognise(tmp_path / "absent") is None


class _Plugin(DatasetFormat):
    name = "MyHeads"
    card = Card("x", 1, "x", "x", "x", "x")

    def recognises(self, root):
        return False

    def index(self, root):
        return iter(())

    def read(self, root, entry, held=None):
        raise NotImplementedError

    def moved(self, sample, plane):
        raise NotImplementedError

    def label_files(self, sample):
        return {}


class _Point:
    name = "x"

    def __init__(self, value) -> None:
        self.value = value

    def load(self):
        return self.value


def test_a_plug_in_is_found_and_cannot_take_a_built_in_name(monkeypatch) -> None:
    impostor = _Plugin()
    impostor.name = "biwi"
    points = [_Point(_Plugin()), _Point(impostor)]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    all_formats.cache_clear()
    try:
        assert get_format("myheads").name == "MyHeads"
        assert type(get_format("BIWI")).__name__ == "BIWI"
        points[:] = [_Point("nonsense")]
        all_formats.cache_clear()
        with pytest.raises(UsageError, match="is no DatasetFormat"):
            all_formats()
    finally:
        all_formats.cache_clear()


def test_every_card_is_filled_in() -> None:
    for fmt in all_formats():
        assert all((fmt.card.title, fmt.card.licence, fmt.card.redistribution, fmt.card.citation, fmt.layout))
        assert fmt.card.homepage.startswith("http")
        assert fmt.card.images > 1000
