from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from maskgen.errors import LabelError
from maskgen.geometry.rotation import geodesic_deg
from maskgen.io.biwi_files import (
    format_cal,
    format_depth,
    format_obj,
    format_pose_bin,
    format_pose_txt,
    parse_cal,
    parse_depth,
    parse_obj,
    parse_pose_bin,
    parse_pose_txt,
)

ORIGINAL = (
    "0.997978 0.0272944 0.0574071 \n-0.0346956 0.990621 0.132163 \n-0.0532613 -0.133887 0.989564 \n"
    "\n51.9358 38.2631 881.756 \n\n"
)


def test_a_pose_in_the_original_layout_comes_back_to_the_byte() -> None:
    assert format_pose_txt(*parse_pose_txt(ORIGINAL)) == ORIGINAL


def test_every_real_text_file_comes_back_to_the_byte(samples: Path) -> None:
    for path in sorted((samples / "BIWI").glob("hpdb/*/*_pose.txt")):
        text = path.read_text()
        assert format_pose_txt(*parse_pose_txt(text)) == text
    for path in sorted((samples / "BIWI").glob("hpdb/*/*.cal")):
        text = path.read_text()
        assert format_cal(parse_cal(text)) == text


def test_every_real_depth_image_comes_back_to_the_byte(samples: Path) -> None:
    paths = sorted((samples / "BIWI").glob("hpdb/*/*_depth.bin"))
    assert paths
    for path in paths:
        depth = parse_depth(path.read_bytes())
        assert depth.shape == (480, 640)
        assert format_depth(depth) == path.read_bytes()


def test_pose_bin_and_pose_txt_of_one_frame_agree(samples: Path) -> None:
    for path in sorted((samples / "BIWI").glob("db_annotations/*/*.bin")):
        twin = samples / "BIWI" / "hpdb" / path.parent.name / path.name.replace(".bin", ".txt")
        rotation, centre = parse_pose_bin(path.read_bytes())
        printed, printed_centre = parse_pose_txt(twin.read_text())
        assert geodesic_deg(rotation, printed) < 1e-4
        np.testing.assert_allclose(centre, printed_centre, atol=1e-3)
        assert format_pose_bin(rotation, centre) == path.read_bytes()


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_computed_pose_is_written_to_1e_6_degrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation, centre = Rotation.random(random_state=seed).as_matrix(), rng.uniform(-1500, 1500, 3)
    again, back = parse_pose_txt(format_pose_txt(rotation, centre))
    assert geodesic_deg(rotation, again) < 1e-6
    np.testing.assert_allclose(back, centre, rtol=1e-8)
    r, c = parse_pose_bin(format_pose_bin(rotation, centre))
    assert geodesic_deg(rotation, r) < 1e-4
    np.testing.assert_allclose(c, centre, rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0, 0, 900, -5]), min_size=4, max_size=4), min_size=1, max_size=5))
def test_any_depth_image_survives_its_run_lengths(rows: list[list[int]]) -> None:
    depth = np.array(rows, np.int16)
    np.testing.assert_array_equal(parse_depth(format_depth(depth)), depth)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 0 0 0 1 0", "6 numbers, expected 12"),
        (ORIGINAL.replace("881.756", "nan"), "not finite"),
        (ORIGINAL.replace("881.756", "far"), "could not convert"),
    ],
)
def test_a_damaged_pose_is_named(text: str, reason: str) -> None:
    with pytest.raises(LabelError, match=reason) as caught:
        parse_pose_txt(text, "frame_00003_pose.txt")
    assert str(caught.value).startswith("frame_00003_pose.txt: ")


@pytest.mark.parametrize("cut", [0, 4, 8, 12, 17, 30])
def test_a_cut_depth_image_is_a_label_error(cut: int) -> None:
    data = format_depth(np.array([[0, 5, 6, 0], [0, 0, 7, 0]], np.int16))
    with pytest.raises(LabelError, match="damaged depth"):
        parse_depth(data[:cut])


def test_impossible_depth_headers_do_not_fill_the_memory() -> None:
    with pytest.raises(LabelError, match="impossible"):
        parse_depth(np.array([2**30, 2**30, 1, 1], "<i4").tobytes())
    with pytest.raises(LabelError, match="impossible run"):
        parse_depth(np.array([2, 2, -1, 1], "<i4").tobytes())


def test_pose_bin_of_the_wrong_length_is_a_label_error() -> None:
    with pytest.raises(LabelError, match="expected 24"):
        parse_pose_bin(b"\0" * 23)
    with pytest.raises(LabelError, match="not finite"):
        parse_pose_bin(np.full(6, np.nan, "<f4").tobytes())


def test_a_calibration_without_a_focal_length_is_refused() -> None:
    text = "0 0 0 0 0 0 0 0 1 " + "0 " * 4 + "1 0 0 0 1 0 0 0 1 0 0 0 640 480"
    with pytest.raises(LabelError, match=r"rgb\.cal: calibration focal"):
        parse_cal(text)


def test_a_mesh_comes_back_and_a_wrong_index_is_found(samples: Path) -> None:
    vertices, triangles = parse_obj((samples / "BIWI" / "hpdb" / "01.obj").read_text())
    assert vertices.shape == (6918, 3)
    assert triangles.shape == (13676, 3)
    again, faces = parse_obj(format_obj(vertices, triangles))
    np.testing.assert_allclose(again, vertices, atol=1e-9)
    np.testing.assert_array_equal(faces, triangles)
    with pytest.raises(LabelError, match="not there"):
        parse_obj("v 0 0 0\nf 1 1 2\n")
    with pytest.raises(LabelError, match="no vertices"):
        parse_obj("# nothing\n")
