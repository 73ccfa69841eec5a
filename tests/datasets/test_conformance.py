"""What every dataset format promises, on its fake and on the real sample files; new ones join in."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from maskgen.datasets import all_formats, get_format, recognise
from maskgen.datasets.base import DatasetFormat
from maskgen.errors import DatasetNotFound, ImageError, InputError, LabelError, UsageError
from maskgen.geometry.image_plane import PlaneMap
from maskgen.geometry.pose import HeadPose
from maskgen.geometry.rotation import geodesic_deg
from maskgen.landmarks import landmarks_for
from maskgen.landmarks.projected import projected_landmarks
from maskgen.sample import Entry, Sample
from tests.fakes.fakes import FOLDERS

NAMES = [fmt.name for fmt in all_formats()]
#: every how many-th real sample is read: the codecs are tested on all of them elsewhere
STRIDE = {"AFLW2000": 45, "300W-LP": 3, "BIWI": 1}


@pytest.fixture(params=[f"{name}:{kind}" for name in NAMES for kind in ("fake", "real")])
def dataset(request, fake_dataset: Callable[..., Path]) -> tuple[DatasetFormat, Path]:
    name, kind = request.param.split(":")
    fmt = get_format(name)
    if kind == "fake":
        return fmt, fake_dataset(name)
    samples = request.getfixturevalue("samples")
    return fmt, samples / FOLDERS[name]


@pytest.fixture
def fmt(dataset: tuple[DatasetFormat, Path]) -> DatasetFormat:
    return dataset[0]


@pytest.fixture
def root(dataset: tuple[DatasetFormat, Path]) -> Path:
    return dataset[1]


@pytest.fixture
def entries(fmt: DatasetFormat, root: Path) -> list[Entry]:
    found = list(fmt.index(root))
    return found if len(found) < 20 else found[:: STRIDE.get(fmt.name, 1)]


@pytest.fixture
def labelled(fmt: DatasetFormat, root: Path, entries: list[Entry]) -> list[Sample]:
    return [fmt.read(root, entry) for entry in entries if fmt.is_labelled(entry)]


def turn(sample: Sample, theta: float) -> PlaneMap:
    """A turn that the sample's label can follow: about the principal point, else about the centre."""
    width, height = sample.size
    pivot = ((width - 1) / 2, (height - 1) / 2)
    if sample.calibration is not None:
        pivot = tuple(sample.calibration.intrinsics[:2, 2])
    return PlaneMap.turn(theta, pivot, sample.size)


def reread(fmt: DatasetFormat, root: Path, out: Path, sample: Sample) -> Sample:
    """The sample as read from its own labels written under ``out``, beside the original picture."""
    written = fmt.write_labels(sample, out)
    for path in (sample.entry.image, *fmt.shared_files(root)):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, out / path)
    assert all((out / path).is_file() for path in written)
    return fmt.read(out, replace(sample.entry, labels=written))


# --- finding ---------------------------------------------------------------------------------------------


def test_a_root_is_recognised_by_its_own_format_alone(fmt: DatasetFormat, root: Path) -> None:
    assert [f.name for f in all_formats() if f.recognises(root)] == [fmt.name]
    assert recognise(root) is fmt


@pytest.mark.parametrize("name", NAMES)
def test_odd_places_are_neither_recognised_nor_indexed(name: str, tmp_path: Path) -> None:
    fmt = get_format(name)
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "01").write_text("a file where a folder is expected")
    for odd in (tmp_path, tmp_path / "file", tmp_path / "empty", tmp_path / "absent"):
        assert not fmt.recognises(odd)
        with pytest.raises(DatasetNotFound, match="holds no"):
            list(fmt.index(odd))


def test_an_index_is_sorted_unique_and_names_files_that_exist(fmt: DatasetFormat, root: Path) -> None:
    found = list(fmt.index(root))
    ids = [entry.id for entry in found]
    assert ids == sorted(set(ids))
    assert found == list(fmt.index(root))
    for path in [p for entry in found for p in (entry.image, *entry.labels)] + list(fmt.shared_files(root)):
        assert isinstance(path, PurePosixPath)
        assert not path.is_absolute()
        assert (root / path).is_file()
    owned = [p for entry in found for p in (entry.image, *entry.labels)] + list(fmt.shared_files(root))
    assert len(owned) == len(set(owned))


def test_an_id_is_its_pictures_path_up_to_the_ending(entries: list[Entry]) -> None:
    for entry in entries:
        assert str(entry.image).startswith(entry.id)
        assert "/" not in str(entry.image).removeprefix(entry.id)


@pytest.mark.parametrize("name", NAMES)
def test_indexing_opens_no_file(name: str, fake_dataset: Callable[..., Path]) -> None:
    fmt, root = get_format(name), fake_dataset(name, private=True)
    before = list(fmt.index(root))
    for path in root.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    assert list(fmt.index(root)) == before


@pytest.mark.parametrize("name", NAMES)
def test_formats_and_samples_travel_to_workers(name: str, fake_dataset: Callable[..., Path]) -> None:
    fmt, root = get_format(name), fake_dataset(name)
    sample = fmt.read(root, next(iter(fmt.index(root))))
    again = pickle.loads(pickle.dumps((fmt, sample)))[1]
    assert again.entry == sample.entry
    np.testing.assert_array_equal(again.pose.cam_from_head, sample.pose.cam_from_head)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_cannot_be_listed_stops_the_index_instead_of_vanishing(
    name, fake_dataset, monkeypatch
) -> None:
    fmt, root = get_format(name), fake_dataset(name)
    closed = root / list(fmt.index(root))[-1].image.parent
    real = os.listdir

    def refuse(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UsageError, match=r"cannot be listed \(Permission denied\)"):
        list(fmt.index(root))


# --- reading ---------------------------------------------------------------------------------------------


def test_size_is_the_pictures(fmt: DatasetFormat, root: Path, entries: list[Entry]) -> None:
    for entry in entries[:5]:
        with Image.open(root / entry.image) as picture:
            assert fmt.read(root, entry).size == picture.size


def test_the_matrix_and_the_label_say_the_same(labelled: list[Sample]) -> None:
    assert labelled
    for sample in labelled:
        described = HeadPose.from_euler(*sample.label_angles)
        if sample.id == "image04157" and sample.size == (450, 450) and sample.raw["para"].scale < 0:
            described = described.rotated(180.0)  # its scale is negative: the picture shows a half turn
        assert sample.pose.distance_deg(described) < 1e-3


def test_every_labelled_sample_has_landmarks_that_agree_with_its_pose(labelled: list[Sample]) -> None:
    for sample in labelled:
        landmarks_for(sample)


def test_groups_are_never_split_by_a_mirror_or_a_view(fmt: DatasetFormat, entries: list[Entry]) -> None:
    for entry in entries:
        assert "_Flip" not in fmt.group(entry)
        assert fmt.group(entry)


def test_a_person_is_never_cut_in_two_by_a_group(fmt: DatasetFormat, entries: list[Entry]) -> None:
    people: dict[str, set[str]] = {}
    for entry in entries:
        people.setdefault(fmt.group(entry), set()).add(fmt.person(entry.id))
    assert all(len(found) == 1 and all(found) for found in people.values())


# --- writing and moving ----------------------------------------------------------------------------------


def test_what_was_read_is_written_back_to_the_byte(fmt, root: Path, labelled, tmp_path: Path) -> None:
    for sample in labelled:
        written = fmt.write_labels(sample, tmp_path)
        assert written
        assert set(written) <= set(sample.entry.labels)
        for path in written:
            assert (tmp_path / path).read_bytes() == (root / path).read_bytes()


def test_a_turn_by_nothing_changes_no_value(fmt, root: Path, labelled, tmp_path: Path) -> None:
    for sample in labelled[:8]:
        moved = fmt.moved(sample, turn(sample, 0.0))
        again = reread(fmt, root, tmp_path, moved)
        for other in (moved, again):
            np.testing.assert_array_equal(other.pose.cam_from_head, sample.pose.cam_from_head)
            np.testing.assert_allclose(other.label_angles, sample.label_angles, rtol=0, atol=1e-9)
            assert other.head_centre == sample.head_centre
            if sample.landmarks is not None:
                np.testing.assert_allclose(other.landmarks.points, sample.landmarks.points, atol=1e-4)


@pytest.mark.parametrize("theta", [-137.0, 30.0, 180.0])
def test_after_a_turn_pose_points_and_camera_agree_with_the_pixels(
    fmt, root, labelled, tmp_path, theta
) -> None:
    for sample in labelled:
        plane = turn(sample, theta)
        again = reread(fmt, root, tmp_path, fmt.moved(sample, plane))
        # the orientation seen in the picture turned by theta: the rule of section 2
        assert geodesic_deg(again.rgb_pose.cam_from_head, sample.rgb_pose.rotated(theta).cam_from_head) < (
            1e-3 if sample.calibration is None else 2e-4
        )
        # a head put where the label says and projected lands where the pixels went
        np.testing.assert_allclose(
            projected_landmarks(again).xy, plane.points(projected_landmarks(sample).xy), atol=3e-3
        )
        if sample.landmarks is not None and again.landmarks is not None:
            known = sample.landmarks.valid
            expected = plane.points(sample.landmarks.xy)[known]
            np.testing.assert_allclose(again.landmarks.xy[known], expected, atol=2e-3)


def test_a_turn_forth_and_back_gives_the_label_back(fmt, labelled) -> None:
    for sample in labelled:
        there = fmt.moved(sample, turn(sample, 53.0))
        back = fmt.moved(there, turn(there, -53.0))
        assert sample.pose.distance_deg(back.pose) < 1e-3


def test_moving_does_not_touch_the_sample_it_started_from(fmt, root, entries) -> None:
    sample = fmt.read(root, entries[0])
    before = {p: (root / p).read_bytes() for p in sample.entry.labels}
    fmt.moved(sample, turn(sample, 40.0))
    fresh = fmt.read(root, entries[0])
    np.testing.assert_array_equal(sample.pose.cam_from_head, fresh.pose.cam_from_head)
    assert {p: (root / p).read_bytes() for p in sample.entry.labels} == before


# --- bad input -------------------------------------------------------------------------------------------


def _one_line(error: InputError, entry: Entry) -> None:
    text = str(error)
    assert "\n" not in text
    assert len(text) > 10
    assert entry.id.rsplit("/", 1)[-1] in text or entry.image.name in text or ".cal" in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, 1, 20, 130])
def test_a_cut_label_file_is_a_label_error_in_one_line(name: str, size: int, fake_dataset) -> None:
    fmt, root = get_format(name), fake_dataset(name, private=True)
    entry = next(e for e in fmt.index(root) if fmt.is_labelled(e))
    written = fmt.write_labels(fmt.read(root, entry), root)[0]
    (root / written).write_bytes((root / written).read_bytes()[: min(size, 100)])
    with pytest.raises(LabelError) as caught:
        fmt.read(root, entry)
    _one_line(caught.value, entry)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"text"])
def test_a_picture_without_a_header_is_an_image_error_in_one_line(
    name: str, data: bytes, fake_dataset
) -> None:
    fmt, root = get_format(name), fake_dataset(name, private=True)
    entry = next(iter(fmt.index(root)))
    (root / entry.image).write_bytes(data)
    with pytest.raises(ImageError) as caught:
        fmt.read(root, entry)
    _one_line(caught.value, entry)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_without_labels_is_indexed_and_has_no_pose(name: str, fake_dataset) -> None:
    fmt, root = get_format(name), fake_dataset(name, private=True)
    before = list(fmt.index(root))
    for label in before[0].labels:
        (root / label).unlink()
    after = list(fmt.index(root))
    assert [e.id for e in after] == [e.id for e in before]
    assert not fmt.is_labelled(after[0])
    sample = fmt.read(root, after[0])
    assert sample.pose is None
    assert sample.label_angles is None
    assert not fmt.protocol_valid(sample)
    assert fmt.write_labels(sample, root / "out") == ()
    assert fmt.moved(sample, turn(sample, 20.0)).pose is None
