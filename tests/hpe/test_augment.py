"""Augmentation: labels follow pixels, whatever is drawn; and with nothing drawn, training sees test crops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from maskgen.geometry import rotation as rot  # noqa: E402
from maskgen.hpe.augment import Augmenter, RowLabels, normalise  # noqa: E402
from maskgen.hpe.config import AugmentSection  # noqa: E402
from maskgen.hpe.contract import InputSpec, prepare  # noqa: E402
from maskgen.hpe.crops import get_policy  # noqa: E402
from maskgen.hpe.data import SampleSet, load_set  # noqa: E402
from maskgen.hpe.pasting import paste_masks  # noqa: E402
from maskgen.hpe.rows import RowSpec  # noqa: E402
from tests.hpe.tiny_sets import write_set  # noqa: E402

NONE = {"flip": 0.0, "zoom": [1.0, 1.0], "shift": 0.0, "color": 0.0, "gray": 0.0, "blur": 0.0, "noise": 0.0}
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp("sets") / "AFLW2000", 16)


def region(root: Path, policy: str, size: int = 64) -> SampleSet:
    return load_set(str(root), RowSpec(policy, size, "region"), root.parent / "cache")


def run(samples: SampleSet, policy: str, size: int = 64, seed: int = 0, **section):
    augment = Augmenter(get_policy(policy), InputSpec(size=size), AugmentSection(**{**NONE, **section}))
    rows = torch.from_numpy(samples.pixels(np.arange(len(samples))))
    return augment(rows, RowLabels.of(samples, CPU), torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("policy", ["hopenet", "hopenet_legacy", "sixdrepnet", "fsanet"])
def test_with_nothing_drawn_training_sees_the_testing_crop(root, policy: str) -> None:
    got, targets = run(region(root, policy), policy, policy_jitter=False)
    tests = load_set(str(root), RowSpec(policy, 64), root.parent / "cache")
    expected = torch.from_numpy(tests.pixels(np.arange(len(tests)))).permute(0, 3, 1, 2).float()
    # the same pixels by different resampling: equal up to blur
    smooth = [torch.nn.functional.avg_pool2d(x, 9, 1) for x in (got, expected)]
    assert (smooth[0] - smooth[1]).abs().mean() < 4.0
    marks = (torch.from_numpy(tests.column("landmarks")).float() + 0.5) / 64
    assert ((targets["landmarks68"] - marks).abs() * 64).max() < 1.1


def test_labels_are_kept_to_the_last_bit_where_nothing_turns(root) -> None:
    samples = region(root, "fsanet")
    _, targets = run(samples, "fsanet")
    np.testing.assert_array_equal(targets["euler"].numpy(), samples.column("euler").astype(np.float32))


def test_a_mirrored_batch_has_mirrored_pixels_labels_and_landmarks(root) -> None:
    samples = region(root, "fsanet")
    plain, before = run(samples, "fsanet", policy_jitter=False)
    mirrored, after = run(samples, "fsanet", policy_jitter=False, flip=1.0)
    torch.testing.assert_close(mirrored, plain.flip(-1), atol=0.02, rtol=0)
    np.testing.assert_allclose(after["R"], rot.mirror(before["R"].numpy()), atol=1e-6)
    torch.testing.assert_close(after["euler"], before["euler"] * torch.tensor([-1.0, 1.0, -1.0]))
    x = after["landmarks68"][:, 36, 0] + before["landmarks68"][:, 45, 0]
    torch.testing.assert_close(x, torch.ones_like(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_turned_labels_follow_the_rule_and_the_landmarks(root, flip: float) -> None:
    samples = region(root, "fsanet")
    _, before = run(samples, "fsanet", policy_jitter=False, flip=flip)
    _, after = run(samples, "fsanet", policy_jitter=False, flip=flip, rotate=1.0, rotate_deg=60.0)
    for i in range(len(samples)):
        turn = after["R"][i].numpy() @ before["R"][i].numpy().T
        theta = float(np.degrees(np.arctan2(turn[0, 1], turn[0, 0])))
        np.testing.assert_allclose(turn, rot.rotation_z(-theta), atol=1e-5)
        yaw, pitch, roll = rot.matrix_to_euler(after["R"][i].numpy())
        np.testing.assert_allclose(after["euler"][i].numpy(), [yaw, pitch, roll], atol=2e-3)
    turns = [rot.geodesic_deg(a, b) for a, b in zip(after["R"].numpy(), before["R"].numpy(), strict=True)]
    assert max(turns) > 30.0


def test_pixels_landmarks_and_label_turn_by_the_same_angle(root) -> None:
    """The line between the eyes must tilt in the picture by the angle that the label turned."""
    samples = region(root, "hopenet")
    _, targets = run(samples, "hopenet", rotate=1.0, rotate_deg=40.0, policy_jitter=False)
    _, before = run(samples, "hopenet", policy_jitter=False)
    for i in range(len(samples)):
        turn = targets["R"][i].numpy() @ before["R"][i].numpy().T
        theta = np.arctan2(turn[0, 1], turn[0, 0])
        a = (before["landmarks68"][i, 45] - before["landmarks68"][i, 36]).numpy()
        b = (targets["landmarks68"][i, 45] - targets["landmarks68"][i, 36]).numpy()
        tilt = np.arctan2(a[1], a[0]) - np.arctan2(b[1], b[0])
        assert np.degrees(abs((tilt - theta + np.pi) % (2 * np.pi) - np.pi)) < 0.1


def test_landmarks_mark_the_same_pixels_after_any_draw(root) -> None:
    """Pixels under the eyes' landmarks stay as bright when the picture is turned, zoomed and flipped."""
    samples = region(root, "hopenet", 96)
    frontal = np.flatnonzero(np.abs(samples.column("euler")).max(axis=1) < 35)
    samples = samples.take(frontal)
    marks = [37, 38, 40, 41, 43, 44, 46, 47]

    def brightness(**section) -> np.ndarray:
        images, targets = run(samples, "hopenet", 96, seed=5, **section)
        grid = targets["landmarks68"][:, marks].clamp(0, 1)[:, None] * 2 - 1
        seen = torch.nn.functional.grid_sample(images, grid, align_corners=False)
        return seen.mean(dim=1).flatten().numpy()

    plain = brightness(policy_jitter=False)
    moved = brightness(flip=0.5, rotate=0.8, rotate_deg=30.0, zoom=[0.9, 1.1], shift=0.03)
    assert abs(np.median(moved) - np.median(plain)) < 12.0
    assert np.percentile(moved, 10) > np.percentile(plain, 10) - 35.0


def test_the_turn_is_rotaugs_for_weak_perspective(root) -> None:
    tensors = pytest.importorskip("rotaug.tensors")
    samples = region(root, "fsanet")
    _, before = run(samples, "fsanet")
    _, after = run(samples, "fsanet", rotate=1.0, rotate_deg=45.0)
    turn = after["R"] @ before["R"].transpose(1, 2)
    theta = torch.rad2deg(torch.atan2(turn[:, 0, 1], turn[:, 0, 0]))
    torch.testing.assert_close(tensors.turn_pose(before["R"], theta), after["R"], atol=1e-5, rtol=0)
    torch.testing.assert_close(tensors.turn_pose(before["euler"], theta), after["euler"], atol=2e-3, rtol=0)


def test_the_same_generator_state_gives_the_same_batch(root) -> None:
    samples = region(root, "fsanet")
    section = {
        "flip": 0.5,
        "rotate": 0.5,
        "mask": 0.5,
        "color": 0.3,
        "blur": 0.5,
        "noise": 4.0,
        "lowres": 0.3,
    }
    a, b, c = (run(samples, "fsanet", seed=s, **section)[0] for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_pasted_masks_cover_the_mouth_and_leave_the_eyes(root) -> None:
    samples = region(root, "hopenet", 96)
    samples = samples.take(np.flatnonzero(np.abs(samples.column("euler")[:, 0]) < 25))
    images, targets = run(samples, "hopenet", 96, policy_jitter=False)
    which = torch.ones(len(images), dtype=torch.bool)
    which[0] = False
    masked = paste_masks(images, targets["landmarks68"], which, torch.Generator().manual_seed(3))
    changed = (masked - images).abs().amax(dim=1, keepdim=True)
    assert torch.equal(masked[0], images[0])

    def at(marks: list[int]) -> torch.Tensor:
        grid = targets["landmarks68"][1:, marks][:, None] * 2 - 1
        return torch.nn.functional.grid_sample(changed[1:], grid, mode="nearest", align_corners=False)

    assert (at([48, 51, 54, 57, 62, 66]) > 2.0).float().mean() > 0.9
    assert (at([37, 38, 43, 44]) < 2.0).float().mean() > 0.95
    assert ((changed[1:] > 2.0).float().mean(dim=(1, 2, 3)) > 0.05).all()


def test_working_on_all_rows_as_a_gpu_does_changes_only_the_chosen_ones(root, monkeypatch) -> None:
    from maskgen.hpe import augment, pasting

    samples = region(root, "fsanet")
    section = {"mask": 0.5, "blur": 0.5, "flip": 0.5}
    some, targets = run(samples, "fsanet", seed=4, **section)
    for module in (augment, pasting):
        monkeypatch.setattr(module, "rows_of", lambda which: torch.arange(len(which)))
    every, _ = run(samples, "fsanet", seed=4, **section)
    torch.testing.assert_close(some, every, atol=1e-3, rtol=0)
    unknown = torch.full_like(targets["landmarks68"], torch.nan)
    which = torch.ones(len(some), dtype=torch.bool)
    assert torch.equal(paste_masks(some, unknown, which, torch.Generator()), some)


def test_faces_without_landmarks_are_not_masked(root) -> None:
    images = torch.rand(2, 3, 32, 32) * 255
    marks = torch.full((2, 68, 2), float("nan"))
    assert torch.equal(paste_masks(images, marks, torch.ones(2, dtype=torch.bool), torch.Generator()), images)


@pytest.mark.parametrize(
    "spec", [InputSpec(size=32), InputSpec(size=32, channels="bgr", mean=None, std=None)]
)
def test_normalising_floats_is_preparing_bytes(spec: InputSpec) -> None:
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    torch.testing.assert_close(normalise(images.float(), spec), prepare(images, spec))
