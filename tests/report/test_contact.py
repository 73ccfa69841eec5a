"""Contact sheets: every picture there, in order, whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.apply import apply_recipe
from maskgen.apply_one import ApplyOptions, Templates
from maskgen.datasets import get_format
from maskgen.errors import UsageError
from maskgen.io.files import sha256_file
from maskgen.recipe import Recipe
from maskgen.report.contact import Tile, changed_box, contact_sheet, masked_tiles, write_sheet


def plain(level: int, shape: tuple[int, int] = (20, 20)) -> Tile:
    return Tile(np.full((*shape, 3), level, np.uint8), f"tile {level}")


def test_tiles_stand_in_reading_order():
    sheet = contact_sheet([plain(50), plain(100), plain(150)], columns=2, size=(40, 40))
    rows, columns = sheet.shape[0] // 2, sheet.shape[1] // 2
    assert tuple(sheet[20, 20]) == (50, 50, 50)
    assert tuple(sheet[20, columns + 20]) == (100, 100, 100)
    assert tuple(sheet[rows + 20, 20]) == (150, 150, 150)
    assert len(np.unique(sheet[rows:, columns:])) == 1


@pytest.mark.parametrize("shape", [(10, 90), (90, 10), (1, 1), (400, 300)])
def test_pictures_keep_their_shape_and_stay_inside_their_cell(shape):
    sheet = contact_sheet([plain(200, shape)], columns=5, size=(64, 64))
    ys, xs = np.nonzero((sheet[:64, :64] == 200).all(axis=2))
    found = (np.ptp(ys) + 1) / (np.ptp(xs) + 1)
    assert found == pytest.approx(shape[0] / shape[1], rel=0.15)
    assert max(np.ptp(ys), np.ptp(xs)) + 1 == 64


def test_a_sheet_of_nothing_is_refused():
    with pytest.raises(UsageError, match="no picture"):
        contact_sheet([])
    with pytest.raises(UsageError, match="at least 1 column"):
        contact_sheet([plain(1)], columns=0)


def test_captions_of_any_alphabet_and_length_do_no_harm():
    tiles = [Tile(plain(9).image, "Zoë " * 40), Tile(plain(9).image, "")]
    assert contact_sheet(tiles, size=(40, 40)).shape[2] == 3


def test_sheets_are_written_as_their_name_says(tmp_path):
    sheet = contact_sheet([plain(77)], size=(32, 32))
    write_sheet(tmp_path / "deep" / "a.png", sheet)
    assert (cv2.imread(str(tmp_path / "deep" / "a.png")) == sheet).all()
    write_sheet(tmp_path / "a.JPG", sheet)
    assert (tmp_path / "a.JPG").read_bytes()[:2] == b"\xff\xd8"
    with pytest.raises(UsageError, match=r"\.png or a \.jpg"):
        write_sheet(tmp_path / "a.gif", sheet)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot write"):  # a wrong path, not a full disk
        write_sheet(tmp_path / "file" / "a.png", sheet)


def test_the_crop_holds_the_mask_and_the_face_above_it():
    before = np.full((300, 400, 3), 90, np.uint8)
    after = before.copy()
    after[150:210, 180:240] = 250
    after[5, 5] = 255  # noise
    x0, y0, x1, y1 = changed_box(before, after)
    assert x0 < 180 and x1 > 240 and y1 > 210  # noqa: PT018
    assert 150 - y0 > y1 - 210
    assert x1 - x0 < 150
    assert changed_box(before, before) == (0, 0, 400, 300)


@pytest.fixture
def masked(fake_dataset: Callable[..., Path], tmp_path: Path) -> Path:
    recipe = Recipe().updated({"styles": "surgical"}).resolved(Templates().catalogue())
    out = tmp_path / "out"
    apply_recipe(get_format("BIWI"), fake_dataset("BIWI"), out, recipe, ApplyOptions())
    return out


def test_a_masked_dataset_is_shown_beside_its_source(masked):
    tiles = list(masked_tiles(masked, limit=3))
    assert len(tiles) == 3
    for tile in tiles:
        assert "surgical" in tile.caption
        left, right = np.hsplit(tile.image, [tile.image.shape[1] // 2])
        assert left.shape == right.shape
        assert (left != right).any()
    alone = list(masked_tiles(masked, limit=3, pairs=False))
    assert alone[0].image.shape[1] * 2 == tiles[0].image.shape[1]
    assert len(list(masked_tiles(masked, limit=1000))) >= 3


@pytest.mark.parametrize("canvas", ["keep", "expand"])
def test_a_rotated_dataset_is_shown_with_its_angles(fake_dataset, tmp_path, canvas):
    from rotaug.cli import run as rotaug

    call = ["--dataset", "AFLW2000", "--root", str(fake_dataset("AFLW2000")), "--angles", "30"]
    assert rotaug([*call, "--canvas", canvas, "--out", str(tmp_path / "turned"), "-q"]) == 0
    tiles = list(masked_tiles(tmp_path / "turned", limit=2))
    assert all("turned +30" in tile.caption for tile in tiles)


def test_without_its_source_a_dataset_is_shown_alone(masked, tmp_path):
    path = masked / "_maskgen" / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "root": str(tmp_path / "gone")}))
    with pytest.raises(UsageError, match="--alone does without it"):
        list(masked_tiles(masked))
    assert len(list(masked_tiles(masked, limit=2, pairs=False))) == 2


@pytest.mark.parametrize("damage", [b"\xff\xfe\x00", b'{"id":"a"}', b'{"id":"a","status":7,"reasons":[]'])
def test_a_damaged_manifest_is_told_in_one_line(masked, damage):
    (masked / "_maskgen/manifest.jsonl").write_bytes(damage + b"\n")
    with pytest.raises(UsageError, match="maskgen validate tells"):
        list(masked_tiles(masked))


def test_a_sheet_that_no_viewer_opens_is_refused():
    with pytest.raises(UsageError, match="megapixels at most"):
        contact_sheet([plain(1)], size=(2_000_000, 1_000_000))
    with pytest.raises(UsageError, match="megapixels at most"):
        contact_sheet((plain(1) for _ in range(300)), size=(1500, 1500))


def test_an_output_of_another_command_is_refused_by_its_name(tmp_path):
    (tmp_path / "_maskgen").mkdir()
    (tmp_path / "_maskgen/run.json").write_text('{"tool": "maskgen synth", "status": "complete"}')
    with pytest.raises(UsageError, match="is an output of maskgen synth and names no source; a sheet shows"):
        list(masked_tiles(tmp_path))


def test_a_folder_that_is_no_output_is_refused(tmp_path):
    with pytest.raises(UsageError, match="not a complete output"):
        list(masked_tiles(tmp_path))


def test_the_command_writes_the_sheet_and_leaves_the_dataset_alone(masked, tmp_path, capsys):
    from maskgen.cli.main import command, run

    before = {path: sha256_file(path) for path in masked.rglob("*") if path.is_file()}
    assert run(command, ["sheet", str(masked), "--out", str(tmp_path / "s.png"), "--columns", "2"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "s.png")
    assert cv2.imread(str(tmp_path / "s.png")) is not None
    assert {path: sha256_file(path) for path in masked.rglob("*") if path.is_file()} == before
    assert run(command, ["sheet", str(tmp_path)]) == 2
    assert run(command, ["sheet", str(masked), "--only", "skipped", "--out", str(tmp_path / "no.png")]) == 2
    assert "no picture of it is skipped" in capsys.readouterr().err
    assert not (tmp_path / "no.png").exists()
