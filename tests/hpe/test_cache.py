"""The crop cache: what is in it, when it is rebuilt, and that a crash costs only the unfinished part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskgen.errors import UsageError
from maskgen.geometry.rotation import geodesic_deg, rotation_about
from maskgen.hpe import cache as caches
from maskgen.hpe import rows as row_module
from maskgen.hpe.cache import open_cache
from maskgen.hpe.crops import crop, face_box, get_policy
from maskgen.hpe.data import load_set
from maskgen.hpe.mixture import resolve
from maskgen.hpe.rows import RowSpec
from maskgen.io.images import read_image
from maskgen.landmarks.sources import landmarks_for
from tests.hpe.tiny_sets import write_set

SPEC = RowSpec("fsanet", 32)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "AFLW2000", 12)


def source(root: Path):
    return resolve(str(root))[0]


def test_rows_are_the_test_crops_and_labels_those_of_the_files(dataset, tmp_path) -> None:
    opened = open_cache(source(dataset), SPEC, tmp_path)
    fmt = source(dataset).format
    assert opened.ids.tolist() == [e.id for e in fmt.index(dataset)]
    for i, entry in enumerate(fmt.index(dataset)):
        sample = fmt.read(dataset, entry)
        box = get_policy("fsanet").test_box(face_box(sample)[0], sample.size)
        rgb = np.ascontiguousarray(read_image(dataset / entry.image).bgr[..., ::-1])
        np.testing.assert_array_equal(opened.images[i], crop(rgb, box, 32, "linear"))
        np.testing.assert_allclose(opened.labels["euler"][i], sample.label_angles)
        m = opened.labels["row_from_image"][i]
        expected = landmarks_for(sample).xy @ m[:, :2].T + m[:, 2]
        np.testing.assert_allclose(opened.labels["landmarks"][i], expected)


def test_a_finished_cache_is_opened_without_reading_a_picture(dataset, tmp_path, monkeypatch) -> None:
    first = open_cache(source(dataset), SPEC, tmp_path)
    monkeypatch.setattr(row_module, "decode_image", lambda *a: pytest.fail("decoded again"))
    second = open_cache(source(dataset), SPEC, tmp_path)
    np.testing.assert_array_equal(first.images, second.images)


def test_an_edited_picture_and_another_crop_get_a_cache_of_their_own(tmp_path) -> None:
    root = write_set(tmp_path / "AFLW2000", 3)
    a = open_cache(source(root), SPEC, tmp_path / "c")
    (root / "image00002.jpg").write_bytes((root / "image00001.jpg").read_bytes())
    b = open_cache(source(root), SPEC, tmp_path / "c")
    c = open_cache(source(root), RowSpec("hopenet", 32), tmp_path / "c")
    assert len({a.folder, b.folder, c.folder}) == 3
    assert not np.array_equal(a.images[1], b.images[1])


def test_the_content_hash_follows_content_and_not_places(tmp_path) -> None:
    one, two = write_set(tmp_path / "a/AFLW2000", 4), write_set(tmp_path / "b/AFLW2000", 4)
    a = open_cache(source(one), SPEC, tmp_path / "c1")
    b = open_cache(source(two), SPEC, tmp_path / "c2")
    assert a.content_hash([0, 2]) == b.content_hash([0, 2])
    assert a.content_hash([0, 1]) != a.content_hash([0, 2])


def test_building_goes_on_after_the_last_finished_stretch(tmp_path, monkeypatch) -> None:
    root = write_set(tmp_path / "AFLW2000", 10)
    monkeypatch.setattr(caches, "PART", 4)
    whole = open_cache(source(root), SPEC, tmp_path / "whole")
    calls = []
    real = row_module.make_row

    def dies(fmt, folder, entry, spec):
        calls.append(entry.id)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return real(fmt, folder, entry, spec)

    monkeypatch.setattr(caches, "make_row", dies)
    with pytest.raises(KeyboardInterrupt):
        open_cache(source(root), SPEC, tmp_path / "c")
    again = open_cache(source(root), SPEC, tmp_path / "c")
    assert calls[7] == "image00005"
    np.testing.assert_array_equal(again.images, whole.images)
    for name, values in whole.labels.items():
        np.testing.assert_array_equal(again.labels[name], values)


def test_workers_write_the_same_cache(dataset, tmp_path) -> None:
    alone = open_cache(source(dataset), SPEC, tmp_path / "one")
    many = open_cache(source(dataset), SPEC, tmp_path / "two", jobs=2)
    np.testing.assert_array_equal(alone.images, many.images)
    np.testing.assert_array_equal(alone.labels["euler"], many.labels["euler"])


def test_one_bad_picture_is_recorded_and_dropped_and_the_rest_goes_on(tmp_path) -> None:
    root = write_set(tmp_path / "AFLW2000", 5)
    (root / "image00003.jpg").write_bytes(b"no jpeg")
    (root / "image00004.mat").write_bytes(b"no mat")
    opened = open_cache(source(root), SPEC, tmp_path / "c")
    assert set(opened.failures()) == {"image00003", "image00004"}
    samples = load_set(str(root), SPEC, tmp_path / "c")
    assert (len(samples), samples.dropped["unusable"]) == (3, 2)


def test_a_dataset_with_nothing_usable_is_an_error_and_leaves_no_cache(tmp_path) -> None:
    root = write_set(tmp_path / "AFLW2000", 2)
    for path in root.glob("*.jpg"):
        path.write_bytes(b"x")
    with pytest.raises(UsageError, match="no picture of AFLW2000 can be used"):
        open_cache(source(root), SPEC, tmp_path / "c")
    assert not list((tmp_path / "c").rglob("cache.json"))


def test_angles_above_the_limit_are_dropped_and_counted(fake_dataset, tmp_path) -> None:
    root = fake_dataset("AFLW2000")
    kept = load_set(str(root), SPEC, tmp_path)
    assert (len(kept), kept.dropped) == (5, {"unusable": 0, "angle": 1})
    assert len(load_set(str(root), SPEC, tmp_path, angle_limit=None)) == 6


def test_biwi_turns_about_the_viewing_ray_in_the_labels_frame(fake_dataset, tmp_path) -> None:
    root = fake_dataset("BIWI")
    opened = open_cache(source(root), RowSpec("hopenet", 32, "region"), tmp_path)
    fmt = source(root).format
    sample = fmt.read(root, next(iter(fmt.index(root))))
    camera, theta = sample.calibration, 30.0
    ray = camera.from_reference(sample.head_centre)
    # the colour camera sees the head turn about its own ray; the label is in the depth camera's frame
    seen = rotation_about(ray, -theta) @ camera.rotation @ sample.pose.cam_from_head
    expected = camera.rotation.T @ seen
    got = rotation_about(opened.labels["turn_axis"][0], -theta) @ sample.pose.cam_from_head
    # the six printed digits of rgb.cal leave a matrix that is a rotation to 1e-6
    assert geodesic_deg(got, expected) < 1e-3


def test_twins_split_alike_and_whole_groups_move(tmp_path) -> None:
    clean, masked = (
        write_set(tmp_path / "AFLW2000", 40),
        write_set(tmp_path / "AFLW2000_masked", 40, masked=True),
    )
    both = load_set(f"{clean} + {masked}", SPEC, tmp_path / "c")
    rest, held = both.split_off(0.3)
    a, b = set(rest.column("id")), set(held.column("id"))
    assert not a & b
    assert len(held) == 2 * len(b)
    assert 4 <= len(b) <= 20
    # a picture and its twin share the id of their source; labels tell them apart, in any part of the set
    assert set(held.labels().ids) == {f"{n}:{i}" for n in ("AFLW2000", "AFLW2000_masked") for i in b}
    alone = both.take(np.arange(3)).labels().ids
    assert alone == both.labels().ids[:3]
    assert load_set(str(clean), SPEC, tmp_path / "c").labels().ids[0] == alone[0].partition(":")[2]
    parts = load_set(f"{clean} + {clean}", SPEC, tmp_path / "c").labels().ids
    assert len(set(parts)) == 80


def test_weights_set_how_often_a_source_is_drawn(tmp_path) -> None:
    clean, masked = (
        write_set(tmp_path / "AFLW2000", 20),
        write_set(tmp_path / "AFLW2000_masked", 20, masked=True),
    )
    samples = load_set(f"{clean}*1.5 + {masked}*0.25", SPEC, tmp_path / "c")
    order = samples.epoch(seed=3, epoch=5)
    counts = np.bincount(order, minlength=40)
    assert (counts[:20].sum(), counts[20:].sum()) == (30, 5)
    assert counts[:20].min() >= 1
    np.testing.assert_array_equal(order, samples.epoch(3, 5))
    assert not np.array_equal(order, samples.epoch(3, 6))
