"""The catalogue finds styles and fabrics: shipped, in a user's folder, in another package, in a picture."""

from __future__ import annotations

import os
import sys
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgen.errors import UsageError
from maskgen.masks.catalogue import Catalogue
from maskgen.masks.spec import MaskDraw
from maskgen.paint.pipeline import Painter
from maskgen.paint.plain_head import plain_head

TOML = """
title = "Mine"
kind = "cloth"
[outline]
top = [[0, -22, 10], [18, -17, 26], [50, -13, 44], [68, -8, 80]]
bottom = [[0, 86, 40], [26, 77, 53], [52, 52, 86], [62, 36, 98]]
[drape]
[material]
colors = ["#40a060"]
"""


def style_folder(root: Path, name: str = "mine", text: str = TOML) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "mask.toml").write_text(text)
    return folder


def test_the_shipped_catalogue_holds_what_is_promised() -> None:
    catalogue = Catalogue.load()
    wanted = {
        *("surgical", "surgical_tied", "n95", "kn95", "kf94", "ffp2_valve", "cloth", "cloth_pleated"),
        *("sponge", "gaiter", "bandana", "half_mask", "window"),
    }
    assert wanted <= set(catalogue.names())
    assert len(catalogue.fabrics) >= 24


def test_the_shipped_artwork_stays_small() -> None:
    root = Path(__file__).parents[2] / "mask_templates"
    assert sum(f.stat().st_size for f in root.rglob("*.png")) < 8e6


def test_a_folder_of_ones_own_adds_a_style_and_replaces_one_of_the_same_name(tmp_path: Path) -> None:
    style_folder(tmp_path)
    style_folder(tmp_path, "surgical", TOML.replace("Mine", "My surgical"))
    catalogue = Catalogue.load([tmp_path])
    assert catalogue.spec("mine").title == "Mine"
    assert catalogue.spec("surgical").title == "My surgical"
    assert "n95" in catalogue.names()
    image, landmarks, pose = plain_head(size=160)
    painted = Painter(catalogue).paint(image, landmarks, pose, MaskDraw("mine", color="#40a060"))
    assert (painted.segmentation == 1).sum() > 1000


def test_the_lining_is_pale_on_light_cloth_and_leaves_dark_cloth_dark(tmp_path: Path) -> None:
    lower_half = np.repeat(np.uint8([0, 255]), 32)[:, None].repeat(64, axis=1)
    cv2.imwrite(str(style_folder(tmp_path / "lined") / "lining.png"), lower_half)
    style_folder(tmp_path / "plain")
    lined, plain = (Painter(Catalogue.load([tmp_path / which])) for which in ("lined", "plain"))
    image, landmarks, pose = plain_head(size=160)

    def brighter_by(color: str) -> tuple[float, float]:
        """Levels that the lining adds in the upper and in the lower third of the mask."""
        draw = MaskDraw("mine", color=color)
        ours, theirs = (p.paint(image, landmarks, pose, draw) for p in (lined, plain))
        rows = np.nonzero(ours.alpha > 0.99)[0]
        top, bottom = np.percentile(rows, (33, 67))
        gain = (ours.image.astype(float) - theirs.image).mean(2)[ours.alpha > 0.99]
        return float(gain[rows < top].mean()), float(gain[rows > bottom].mean())

    upper, lower = brighter_by("#4080c0")
    assert abs(upper) < 3.0
    assert lower > 15.0
    assert max(map(abs, brighter_by("#101010"))) < 1.0


def test_another_package_adds_styles_by_an_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "elsewhere_masks"
    style_folder(package, "from_elsewhere")
    (package / "__init__.py").write_text("")
    info = tmp_path / "elsewhere_masks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere-masks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[maskgen.templates]\nelsewhere = elsewhere_masks\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "from_elsewhere" in Catalogue.load().names()
    (package / "from_elsewhere" / "mask.toml").write_text("title = 3\n")
    with pytest.raises(UsageError, match=r"from_elsewhere.*title"):
        Catalogue.load()
    sys.modules.pop("elsewhere_masks", None)


def test_an_entry_point_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    point = metadata.EntryPoint("broken", "no_such_package_anywhere", "maskgen.templates")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point])
    with pytest.raises(UsageError, match=r"broken.*no_such_package_anywhere.*uninstall"):
        Catalogue.load()


def test_a_missing_folder_and_an_unknown_name_say_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Catalogue.load([tmp_path / "nothing"])
    with pytest.raises(UsageError, match=r"holds no style and no fabric; expected .*mask\.toml"):
        Catalogue.load([tmp_path])
    (tmp_path / "mask.toml").touch()
    with pytest.raises(UsageError, match="is one style; name the folder above it"):
        Catalogue.load([tmp_path])
    catalogue = Catalogue.load()
    with pytest.raises(UsageError, match=r"surgica'; known: .*surgical"):
        catalogue.spec("surgica")
    with pytest.raises(UsageError, match=r"no_fabric.*or the path of a picture"):
        catalogue.fabric("no_fabric")


def test_broken_toml_and_broken_pictures_name_their_file(tmp_path: Path) -> None:
    folder = style_folder(tmp_path, text="title = \n")
    with pytest.raises(UsageError, match=r"mask\.toml: not valid TOML"):
        Catalogue.load([tmp_path])
    (folder / "mask.toml").write_text(TOML)
    (folder / "height.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"height\.png: not a readable picture"):
        _ = Catalogue.load([tmp_path]).style("mine").maps


@pytest.mark.parametrize(
    ("name", "image", "said"),
    [
        ("albedo", np.zeros((8, 8, 4), np.uint8), "grey or RGB"),
        ("height", np.zeros((8, 8, 3), np.uint8), "grey"),
        ("lining", np.zeros((8, 8, 3), np.uint8), "grey"),
        ("alpha", np.zeros((8, 8), np.uint16), "of 8 bit"),
        ("paint", np.zeros((8, 8, 3), np.uint8), "RGBA"),
    ],
)
def test_a_map_of_the_wrong_kind_is_refused(tmp_path: Path, name: str, image: np.ndarray, said: str) -> None:
    folder = style_folder(tmp_path)
    cv2.imwrite(str(folder / f"{name}.png"), image)
    with pytest.raises(UsageError, match=rf"{name}\.png: wanted .*{said}"):
        _ = Catalogue.load([tmp_path]).style("mine").maps


def test_maps_of_different_sizes_are_refused_with_their_sizes(tmp_path: Path) -> None:
    folder = style_folder(tmp_path)
    cv2.imwrite(str(folder / "albedo.png"), np.zeros((8, 8), np.uint8))
    cv2.imwrite(str(folder / "alpha.png"), np.zeros((8, 12), np.uint8))
    with pytest.raises(UsageError, match=r"one size.*albedo\.png 8 x 8.*alpha\.png 12 x 8"):
        _ = Catalogue.load([tmp_path]).style("mine").maps


@pytest.mark.parametrize("entry", ["[a]\n", "[a]\nsize_mm = -2\n", "a = 3\n", "[a]\nsize_mm = true\n"])
def test_a_wrong_list_of_fabrics_is_refused(tmp_path: Path, entry: str) -> None:
    (tmp_path / "_textures").mkdir()
    (tmp_path / "_textures" / "fabrics.toml").write_text(entry)
    with pytest.raises(UsageError, match=r"fabrics\.toml.*\[a\] needs size_mm"):
        Catalogue.load([tmp_path])


def test_a_list_of_fabrics_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_textures").mkdir()
    (tmp_path / "_textures" / "fabrics.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"fabrics\.toml: not valid TOML"):
        Catalogue.load([tmp_path])


def test_a_picture_of_ones_own_becomes_a_seamless_square_fabric(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    file = tmp_path / "holiday.jpg"
    cv2.imwrite(str(file), cv2.resize(rng.integers(0, 255, (6, 9, 3), np.uint8), (900, 600)))
    tile = Catalogue.load().fabric(str(file)).tile
    assert tile.shape == (1024, 1024, 4)
    assert np.array_equal(tile[:, 0], tile[:, -1])
    assert np.array_equal(tile[0], tile[-1])


def test_a_picture_of_ones_own_is_read_once_and_anew_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "own.png"
    cv2.imwrite(str(file), np.full((40, 40, 3), 90, np.uint8))
    catalogue = Catalogue.load()
    first = catalogue.fabric(str(file))
    assert catalogue.fabric(str(file)) is first
    assert Catalogue.load().fabric(str(file)) is first
    cv2.imwrite(str(file), np.full((40, 40, 3), 180, np.uint8))
    os.utime(file, ns=(1, 1))
    assert catalogue.fabric(str(file)).tile[0, 0, 0] == 180


def test_a_picture_of_ones_own_shows_on_the_mask(tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    cv2.imwrite(str(file), np.full((40, 40, 3), (20, 20, 200), np.uint8))
    image, landmarks, pose = plain_head(size=200)
    painter = Painter()
    plain = painter.paint(image, landmarks, pose, MaskDraw("cloth", color="#3060c0"))
    red = painter.paint(image, landmarks, pose, MaskDraw("cloth", color="#3060c0", fabric=str(file)))
    inside = plain.segmentation == 1
    assert np.median(plain.image[inside][:, 0]) > np.median(plain.image[inside][:, 2])
    assert np.median(red.image[inside][:, 2]) > 2 * np.median(red.image[inside][:, 0])
    assert np.array_equal(plain.segmentation, red.segmentation)
