"""RandomMask: masks drawn anew at every call of a training loop."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from maskgen.geometry.camera import WeakPerspective
from maskgen.geometry.face import CANONICAL_FACE
from maskgen.geometry.pose import HeadPose
from maskgen.transforms import RandomMask


@pytest.fixture(scope="module")
def item() -> dict:
    pose = HeadPose.from_euler(20.0, 5.0, -8.0)
    points = WeakPerspective(1.0, (110.0, 105.0)).project(CANONICAL_FACE, pose.cam_from_head)
    rng = np.random.default_rng(5)
    image = np.clip(150 + 8 * rng.standard_normal((220, 220, 3)), 0, 255).astype(np.uint8)
    return {"image": image, "landmarks": points, "pose": pose, "name": "a"}


def test_the_same_seed_paints_the_same_sequence(item):
    first, second = RandomMask(seed=3), RandomMask(seed=3)
    for _ in range(4):
        np.testing.assert_array_equal(first(item)["image"], second(item)["image"])


def test_calls_streams_and_seeds_differ(item):
    always = [
        RandomMask(probability=1.0, seed=3),
        RandomMask(probability=1.0, seed=4),
        RandomMask(probability=1.0, seed=3, stream=1),
    ]
    first = [t(item)["image"] for t in always] + [always[0](item)["image"]]
    for i in range(4):
        for j in range(i):
            assert not np.array_equal(first[i], first[j])


def test_probability_is_kept_and_0_never_paints(item):
    never = RandomMask(probability=0.0)
    out = never(item)
    assert not out["masked"]
    assert out["image"] is item["image"]
    half = RandomMask(probability=0.5, seed=1)
    masked = [half(item)["masked"] for _ in range(60)]
    assert 18 <= sum(masked) <= 42  # five sigma is 19


def test_a_pickled_copy_continues_where_it_was(item):
    own = RandomMask(probability=1.0, seed=9)
    own(item)
    copy = pickle.loads(pickle.dumps(own))
    np.testing.assert_array_equal(own(item)["image"], copy(item)["image"])


def test_everything_else_passes_through_and_the_input_is_left_alone(item):
    before = item["image"].copy()
    out = RandomMask(probability=1.0)(**item)
    assert out["pose"] is item["pose"]
    assert out["landmarks"] is item["landmarks"]
    assert out["name"] == "a"
    np.testing.assert_array_equal(item["image"], before)
    assert out["mask_alpha"].max() > 0.9


@pytest.mark.parametrize("pose", [HeadPose.from_euler(20, 5, -8).cam_from_head, (20.0, 5.0, -8.0), None])
def test_pose_may_be_a_matrix_angles_or_absent(item, pose):
    assert RandomMask(probability=1.0)({**item, "pose": pose})["masked"]


def test_a_missing_key_is_named(item):
    with pytest.raises(KeyError, match="landmarks"):
        RandomMask()({"image": item["image"]})


def test_a_probability_outside_0_1_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.1"):
        RandomMask(probability=1.5)


class _Faces:
    """A torch dataset, as people write it: the transform is called in __getitem__."""

    def __init__(self, mask: RandomMask, item: dict, length: int = 8) -> None:
        self.mask, self.item, self.length = mask, item, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> np.ndarray:
        return self.mask(self.item)["image"]


def _epochs(item: dict, workers: int) -> list[bytes]:
    """The pictures of two epochs of a DataLoader over a transform of one seed."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(5)
    faces = _Faces(RandomMask(probability=1.0, seed=3), item)
    loader = torch.utils.data.DataLoader(faces, batch_size=2, num_workers=workers)
    return [picture.numpy().tobytes() for _ in range(2) for batch in loader for picture in batch]


def test_workers_of_a_loader_and_epochs_never_repeat_each_other_and_a_run_can_be_repeated(item):
    pictures = _epochs(item, workers=2)
    assert len(set(pictures)) == len(pictures) == 16
    assert pictures == _epochs(item, workers=2)


def test_a_key_decides_the_draw_whatever_came_before(item):
    mask, fresh = RandomMask(probability=1.0, seed=3), RandomMask(probability=1.0, seed=3)
    mask(item)
    first = mask(item, key=(2, 17))
    np.testing.assert_array_equal(first["image"], fresh(item, key=(2, 17))["image"])
    assert not np.array_equal(first["image"], fresh(item, key=(3, 17))["image"])
    assert "key" not in first
    assert mask({**item, "key": "mine"})["key"] == "mine"


def test_rgb_pictures_come_back_as_rgb(item):
    bgr = RandomMask(probability=1.0, seed=3)(item)["image"]
    rgb = RandomMask(probability=1.0, seed=3, rgb=True)({**item, "image": item["image"][..., ::-1]})["image"]
    np.testing.assert_array_equal(rgb[..., ::-1], bgr)
