"""GLPose: what is for training only, the interpolated pair, the terms of the loss."""

from __future__ import annotations

import pytest
import torch

from maskgen.errors import UsageError
from maskgen.hpe.attention import GLAM
from maskgen.hpe.contract import count_parameters, make_targets, prepare
from maskgen.hpe.models.glpose import landmark_error
from maskgen.hpe.registry import create_model, model_class
from maskgen.hpe.rotations import geodesic, geodesic_deg, so3_exp
from tests.hpe.toy_heads import batch_of_heads

TINY = dict(model_class("glpose").tiny)


def setup(n: int = 6, **options):
    torch.manual_seed(0)
    model = create_model("glpose", **TINY, **options)
    landmarks = torch.rand(n, 68, 2)
    return model, torch.randn(n, 3, 64, 64), make_targets(torch.randn(n, 3) * 25, landmarks68=landmarks)


def test_sizes_of_the_parts_add_up():
    model = create_model("glpose")
    assert count_parameters(model.trunk) == 23_508_032
    assert count_parameters(model.head) == 2048 * 6 + 6
    # CBAM: two matrices C x C/16, 98 numbers; attention: C/8 queries and keys, C values, biases, the gate
    for module, c in ((model.glam3, 1024), (model.glam4, 2048)):
        assert count_parameters(module) == c * c // 8 + 98 + c * c * 5 // 4 + c // 4 + c + 1
    plain = create_model("glpose", attention=False, landmarks=False, interpolation=False)
    assert count_parameters(plain) == 23_508_032 + 2048 * 6 + 6


def test_landmarks_and_interpolation_leave_every_output_bit_alone():
    model, images, targets = setup()
    model.eval()
    with_parts = model(images, targets)
    without_targets = model(images)
    view = model.export_view()
    assert torch.equal(with_parts.R, without_targets.R)
    assert torch.equal(view(images), with_parts.R)
    assert not [n for n, _ in view.named_parameters() if "landmark" in n]
    assert count_parameters(view) < count_parameters(model)
    bare = create_model("glpose", **TINY, landmarks=False, interpolation=False)
    bare.load_state_dict({k: v for k, v in model.state_dict().items() if "landmark" not in k})
    assert torch.equal(bare.eval()(images, targets).R, with_parts.R)


def test_interpolated_feature_is_the_normalised_mean_of_each_pair():
    model, images, targets = setup(5)
    model.eval()
    out = model(images, targets)
    e = out.extras["embedding"]
    torch.testing.assert_close(e.norm(dim=1), torch.ones(5))
    assert out.extras["R3"].shape == (2, 3, 3)
    for pair in range(2):
        mean = e[2 * pair] + e[2 * pair + 1]
        torch.testing.assert_close(out.extras["R3"][pair], model.rotation((mean / mean.norm())[None])[0])


def test_third_term_compares_with_the_geodesic_midpoint():
    model, images, targets = setup(2, landmarks=False, beta=0.8)
    model.eval()
    axis = torch.tensor([[0.3, -0.5, 0.2]])
    first = so3_exp(torch.tensor([[0.1, 0.7, -0.2]]))
    second = first @ so3_exp(axis)
    halfway = first @ so3_exp(axis / 2)
    targets = {**targets, "R": torch.cat([first, second])}
    out = model(images, targets)
    total, parts = model.loss(out, targets)
    third = geodesic(out.extras["R3"], halfway).mean()
    torch.testing.assert_close(parts["interpolation"], third.detach(), rtol=1e-4, atol=1e-5)
    # sum over both images plus 0.8 of the third, all halved by the mean over images
    pair = geodesic(out.R, targets["R"])
    torch.testing.assert_close(total, (pair[0] + pair[1] + 0.8 * third) / 2, rtol=1e-4, atol=1e-5)


def test_landmark_error_leaves_unknown_points_out():
    predicted, truth = torch.zeros(2, 68, 2), torch.zeros(2, 68, 2)
    truth[:, :, 0] = 0.3
    truth[0, :34] = float("nan")
    assert landmark_error(predicted, truth, "squared").item() == pytest.approx(0.09)
    assert landmark_error(predicted, truth, "norm").item() == pytest.approx((34 + 68) * 0.3 / 2)
    nothing = torch.full((2, 68, 2), float("nan"))
    assert landmark_error(predicted.requires_grad_(True), nothing, "squared").item() == 0.0


@pytest.mark.parametrize("attention", [True, False])
@pytest.mark.parametrize("landmarks", [True, False])
@pytest.mark.parametrize("interpolation", [True, False])
def test_every_row_of_the_ablation_trains_all_of_its_parameters(attention, landmarks, interpolation):
    model, images, targets = setup(attention=attention, landmarks=landmarks, interpolation=interpolation)
    total, parts = model.loss(model(images, targets), targets)
    total.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None] == []
    assert ("landmarks" in parts) == landmarks
    assert ("interpolation" in parts) == interpolation
    assert any(isinstance(m, GLAM) for m in model.modules()) == attention
    pairs = model.batch_sampler(torch.zeros(8, 3).numpy(), 4, 0, model.stages({})[0])
    assert (pairs is not None) == interpolation


def test_missing_landmarks_are_named():
    model, images, targets = setup()
    targets.pop("landmarks68")
    with pytest.raises(UsageError, match="landmarks68"):
        model.loss(model(images, targets), targets)


def test_overfits_32_heads_below_two_degrees():
    torch.manual_seed(0)
    model = create_model("glpose", **TINY)
    pictures, euler, _, points = batch_of_heads(32, 64)
    images = prepare(pictures, model.input_spec)
    landmarks = torch.tensor(points).repeat(1, 14, 1)[:, :68]
    targets = make_targets(torch.tensor(euler), landmarks68=landmarks)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=90)
    for _ in range(90):
        loss, _ = model.loss(model(images, targets), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        error = geodesic_deg(model.eval()(images).R, targets["R"])
    assert error.mean() < 2.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trunk": "repvgg_a0"}, "ResNet"),
        ({"landmark_loss": "l2"}, "squared, norm"),
        ({"trunk": "resnet9"}, "resnet18"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(UsageError, match=message):
        create_model("glpose", **{**TINY, **options})
