"""The one-stage detectors: sizes, keys, whole frames, misses, released weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maskgen.errors import UsageError
from maskgen.hpe.contract import count_parameters, make_targets, prepare
from maskgen.hpe.detection.matching import iou
from maskgen.hpe.registry import create_model, model_class
from maskgen.hpe.rotations import geodesic_deg
from tests.hpe.toy_heads import batch_of_heads

MNET = dict(model_class("retinapose_mnet025").tiny)


@pytest.mark.parametrize(
    ("name", "base", "pose", "keys"),
    [("retinapose_mnet025", 426_608, 2_340, 300), ("retinapose_r50", 27_293_600, 9_252, 456)],
)
def test_parameters_and_keys_are_those_of_the_base_and_six_more(name, base, pose, keys):
    model = create_model(name)
    own = [k for k in model.state_dict() if k.startswith("PoseHead.")]
    assert count_parameters(model.PoseHead) == pose
    assert count_parameters(model) == base + pose
    assert len(own) == 6
    assert len(model.state_dict()) == keys + 6
    assert model.input_spec.size == 640
    assert len(model.anchors) == 16_800


def test_released_weight_names_are_taken_and_leave_the_pose_heads(tmp_path):
    torch.manual_seed(0)
    source = create_model("retinapose_mnet025", **MNET)
    state = {f"module.{k}": v for k, v in source.state_dict().items() if not k.startswith("PoseHead.")}
    names = """body.stage1.0.0.weight body.stage2.5.4.running_var fpn.output1.0.weight fpn.merge2.1.bias
        ssh3.conv7x7_3.0.weight ClassHead.0.conv1x1.weight LandmarkHead.2.conv1x1.bias"""
    for key in names.split():
        assert f"module.{key}" in state
    torch.save(state, tmp_path / "release.pth")
    torch.manual_seed(1)
    model = create_model("retinapose_mnet025", **MNET, detector=str(tmp_path / "release.pth"))
    assert torch.equal(model.ssh1.conv3X3[0].weight, source.ssh1.conv3X3[0].weight)
    assert not torch.equal(model.PoseHead[0].conv1x1.weight, source.PoseHead[0].conv1x1.weight)
    torch.save({k: v for k, v in state.items() if "ssh2" not in k}, tmp_path / "cut.pth")
    with pytest.raises(UsageError, match="lacks ssh2"):
        create_model("retinapose_mnet025", **MNET, detector=str(tmp_path / "cut.pth"))


def test_a_frame_without_a_confident_anchor_is_a_miss_with_the_frontal_pose():
    torch.manual_seed(0)
    model = create_model("retinapose_mnet025", **MNET).eval()
    with torch.no_grad():
        for head in model.ClassHead:
            head.conv1x1.weight.zero_()
            head.conv1x1.bias.copy_(torch.tensor([3.0, 0.0] * 2))
    out = model(torch.randn(2, 3, 128, 128))
    assert not out.extras["detected"].any()
    assert torch.equal(out.R, torch.eye(3).expand(2, 3, 3))
    assert model.detect(torch.randn(1, 3, 128, 128))[0]["score"].shape == (0,)


def test_the_answer_is_the_first_of_all_detections():
    torch.manual_seed(0)
    model = create_model("retinapose_mnet025", **MNET, threshold=0.3).eval()
    images = torch.randn(2, 3, 128, 128)
    out = model(images)
    for i, found in enumerate(model.detect(images)):
        torch.testing.assert_close(found["score"][0], out.extras["score"][i])
        torch.testing.assert_close(found["box"][0], out.extras["box"][i])
        torch.testing.assert_close(found["points5"][0], out.extras["points5"][i])
        torch.testing.assert_close(found["R"][0], out.R[i])
        overlap = iou(found["box"], found["box"]) - torch.eye(len(found["box"]))
        assert overlap.max() <= 0.4 + 1e-5
        assert (found["score"].diff() <= 0).all()


def test_loss_is_the_weighted_sum_and_reaches_every_parameter():
    for form in ("6d", "9d"):
        torch.manual_seed(0)
        model = create_model(
            "retinapose_mnet025", **MNET, pose_weight=0.3, pose_form=form, level_weights="rising"
        )
        images, euler, boxes, points = batch_of_heads(4, 128, frames=True)
        targets = make_targets(torch.tensor(euler), box=torch.tensor(boxes), points5=torch.tensor(points))
        total, parts = model.loss(model(prepare(images, model.input_spec)), targets)
        expected = 2 * parts["box"] + parts["cls"] + parts["points"] + 0.3 * parts["pose"]
        torch.testing.assert_close(total.detach(), expected)
        total.backward()
        assert [n for n, p in model.named_parameters() if p.grad is None] == []


def test_frames_without_a_face_or_points_can_be_trained_on():
    model = create_model("retinapose_mnet025", **MNET)
    box = torch.full((2, 4), float("nan"))
    total, parts = model.loss(model(torch.randn(2, 3, 128, 128)), make_targets(torch.zeros(2, 3), box=box))
    assert parts["box"] == parts["pose"] == parts["points"] == 0
    assert parts["cls"] > 0
    total.backward()


def test_rising_level_weights_are_those_of_the_fragment():
    model = create_model("retinapose_mnet025", **MNET, level_weights="rising")
    expected = torch.tensor([0.9] * 512 + [1.0] * 128 + [1.1] * 32)
    torch.testing.assert_close(model.level_weight, expected)


def test_input_is_colour_less_mean_divided_or_not():
    frame = np.full((1, 128, 128, 3), (200, 117, 4), np.uint8)
    divided = prepare(frame, create_model("retinapose_mnet025", **MNET).input_spec)
    raw = prepare(frame, create_model("retinapose_mnet025", **MNET, divide=False).input_spec)
    torch.testing.assert_close(raw[0, :, 0, 0], torch.tensor([77.0, 0.0, -100.0]), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        divided[0, :, 0, 0], torch.tensor([77.0, 0.0, -100.0]) / 255, rtol=1e-4, atol=1e-5
    )


def train(model, images, targets, steps: int, lr: float) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps)
    for _ in range(steps):
        loss, _ = model.loss(model(images, targets), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval()


def test_whole_frames_are_learned_faces_found_and_poses_right():
    torch.manual_seed(0)
    model = create_model("retinapose_mnet025", **MNET)
    frames, euler, boxes, points = batch_of_heads(12, 128, frames=True)
    images = prepare(frames, model.input_spec)
    targets = make_targets(torch.tensor(euler), box=torch.tensor(boxes), points5=torch.tensor(points))
    train(model, images, targets, 120, 5e-3)
    with torch.no_grad():
        out = model(images)
    assert out.extras["detected"].all()
    assert iou(out.extras["box"][:, None], targets["box"][:, None]).flatten().min() > 0.7
    assert (out.extras["points5"] - targets["points5"]).abs().max() < 0.05
    assert geodesic_deg(out.R, targets["R"]).mean() < 6.0
    assert all(len(found["score"]) == 1 for found in model.detect(images))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["retinapose_mnet025", "retinapose_r50"])
def test_overfits_32_frames_below_two_degrees(name):
    torch.manual_seed(0)
    model = create_model(name, **model_class(name).tiny)
    frames, euler, boxes, points = batch_of_heads(32, 128, frames=True)
    images = prepare(frames, model.input_spec)
    targets = make_targets(torch.tensor(euler), box=torch.tensor(boxes), points5=torch.tensor(points))
    train(model, images, targets, 300, 5e-3)
    with torch.no_grad():
        out = model(images)
    assert out.extras["detected"].all()
    assert geodesic_deg(out.R, targets["R"]).mean() < 2.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 100}, "multiple of 32"),
        ({"pose_form": "euler"}, "6d, 9d"),
        ({"level_weights": "falling"}, "equal, rising"),
        ({"threshold": 1.5}, "between 0 and 1"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(UsageError, match=message):
        create_model("retinapose_mnet025", **{**MNET, **options})


def test_missing_boxes_are_named():
    model = create_model("retinapose_mnet025", **MNET)
    with pytest.raises(UsageError, match="box"):
        model.loss(model(torch.randn(2, 3, 128, 128)), make_targets(torch.zeros(2, 3)))
