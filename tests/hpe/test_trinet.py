"""TriNet: its vectors, its matrix form, its loss."""

from __future__ import annotations

import pytest
import torch

from maskgen.errors import UsageError
from maskgen.hpe.contract import make_targets, prepare
from maskgen.hpe.models.trinet import vector_losses
from maskgen.hpe.registry import create_model, model_class
from maskgen.hpe.rotations import euler_to_matrix, from_trinet, geodesic_deg
from tests.hpe.toy_heads import batch_of_heads

TINY = dict(model_class("trinet").tiny)


def test_its_own_matrix_is_rx_pitch_ry_minus_yaw_rz_roll():
    yaw, pitch, roll = torch.deg2rad(torch.tensor([23.0, -11.0, 37.0]))

    def about(axis: int, angle: torch.Tensor) -> torch.Tensor:
        vector = torch.zeros(3)
        vector[axis] = angle
        k = torch.zeros(3, 3)
        k[1, 2], k[2, 1] = -vector[0], vector[0]
        k[0, 2], k[2, 0] = vector[1], -vector[1]
        k[0, 1], k[1, 0] = -vector[2], vector[2]
        return torch.linalg.matrix_exp(k)

    native = about(0, pitch) @ about(1, -yaw) @ about(2, roll)
    ours = euler_to_matrix(torch.tensor([23.0, -11.0, 37.0]))
    torch.testing.assert_close(from_trinet(native), ours, rtol=1e-5, atol=1e-5)


def test_answer_is_the_rotation_nearest_to_the_three_vectors():
    torch.manual_seed(0)
    model = create_model("trinet", **TINY).eval()
    out = model(torch.randn(3, 3, 64, 64))
    assert out.extras["vectors"].shape == (3, 3, 3)
    u, _, vt = torch.linalg.svd(out.extras["vectors"])
    torch.testing.assert_close(out.R, from_trinet(u @ vt), rtol=1e-4, atol=1e-5)


def test_loss_is_squared_error_and_a_tenth_of_the_squared_cosines():
    truth = euler_to_matrix(torch.randn(4, 3) * 30)
    error, cosines = vector_losses(2.0 * truth, truth)
    # columns of twice the length: nothing is skewed
    assert error.item() == pytest.approx(3.0, rel=1e-5)
    assert cosines.item() == pytest.approx(0.0, abs=1e-6)
    skewed = torch.stack([truth[..., 0], truth[..., 0], truth[..., 2]], dim=-1)
    assert vector_losses(skewed, truth)[1].item() == pytest.approx(1.0, rel=1e-4)
    model = create_model("trinet", **TINY)
    targets = make_targets(torch.randn(4, 3) * 20)
    total, parts = model.loss(model(torch.randn(4, 3, 64, 64)), targets)
    torch.testing.assert_close(total.detach(), parts["mse"] + 0.1 * parts["cosines"])


def test_full_network_takes_three_stages_of_resnet50():
    model = create_model("trinet")
    assert [layer.in_channels for layer in model.reduce] == [256, 512, 1024]
    maps = model.maps(torch.zeros(1, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 8, 8)] * 3
    # stages 1 to 3 of ResNet-50; the last, 14,964,736 parameters, has no part
    assert sum(p.numel() for p in model.trunk.parameters()) == 23_508_032 - 14_964_736


def test_overfits_32_heads_below_two_degrees():
    torch.manual_seed(0)
    model = create_model("trinet", **TINY)
    pictures, euler, _, _ = batch_of_heads(32, 64)
    images, targets = prepare(pictures, model.input_spec), make_targets(torch.tensor(euler))
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=100)
    for _ in range(100):
        loss, _ = model.loss(model(images, targets), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        error = geodesic_deg(model.eval()(images).R, targets["R"])
    assert error.mean() < 2.0


@pytest.mark.parametrize(
    ("options", "message"), [({"trunk": "mobilenet_v1"}, "ResNet"), ({"size": 50}, "multiple of 32")]
)
def test_wrong_options_are_refused_in_one_sentence(options, message):
    with pytest.raises(UsageError, match=message):
        create_model("trinet", **{**TINY, **options})
