"""Torch rotations against the numpy ones, roma and SciPy, and their gradients where textbook forms fail."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

torch = pytest.importorskip("torch")

from maskgen.geometry import rotation as reference  # noqa: E402
from maskgen.hpe import rotations as rot  # noqa: E402

GENERATOR = torch.Generator().manual_seed(0)


def random_rotations(n: int) -> torch.Tensor:
    return torch.from_numpy(Rotation.random(n, random_state=1).as_matrix())


def random_angles(n: int) -> torch.Tensor:
    scale = torch.tensor([89.0, 179.0, 179.0], dtype=torch.float64)
    return (2 * torch.rand(n, 3, dtype=torch.float64, generator=GENERATOR) - 1) * scale


def test_angles_to_matrix_is_the_conventions_formula() -> None:
    angles = random_angles(500)
    intrinsic = angles.numpy()[:, [1, 0, 2]] * [-1, 1, 1]
    expected = Rotation.from_euler("XYZ", intrinsic, degrees=True).as_matrix()
    assert np.abs(rot.euler_to_matrix(angles).numpy() - expected).max() < 1e-14


def test_matrix_to_angles_inverts_and_equals_the_numpy_side() -> None:
    angles = random_angles(500)
    back = rot.matrix_to_euler(rot.euler_to_matrix(angles))
    assert (back - angles).abs().max() < 1e-9
    turned = random_rotations(500)
    expected = reference.matrix_to_euler(turned.numpy())
    assert np.abs(rot.matrix_to_euler(turned).numpy() - expected).max() < 1e-9


def test_matrix_to_angles_at_the_gimbal_has_roll_0_and_finite_gradients() -> None:
    matrix = rot.euler_to_matrix(torch.tensor([[90.0, 20.0, 30.0], [-90.0, 20.0, 30.0]], dtype=torch.float64))
    matrix.requires_grad_()
    angles = rot.matrix_to_euler(matrix)
    expected = reference.matrix_to_euler(matrix.detach().numpy())
    assert np.abs(angles.detach().numpy() - expected).max() < 1e-6
    angles.sum().backward()
    assert torch.isfinite(matrix.grad).all()


def test_six_d_form_gives_the_rotation_back_and_equals_roma() -> None:
    roma = pytest.importorskip("roma")
    turned = random_rotations(200)
    columns = torch.cat([turned[:, :, 0], turned[:, :, 1]], dim=1)
    assert (rot.six_d_to_matrix(columns) - turned).abs().max() < 1e-12
    free = torch.randn(200, 6, dtype=torch.float64, generator=GENERATOR)
    expected = roma.special_gramschmidt(free.view(-1, 2, 3).transpose(1, 2))
    assert (rot.six_d_to_matrix(free) - expected).abs().max() < 1e-10


@pytest.mark.parametrize(
    "six",
    [[0.0] * 6, [1.0, 0, 0, 2.0, 0, 0], [0, 0, 0, 1.0, 2, 3], [1.0, 2, 3, 0, 0, 0], [0, 0, 1.0, 0, 0, -1]],
)
def test_degenerate_six_d_vectors_still_give_a_rotation_and_finite_gradients(six: list[float]) -> None:
    x = torch.tensor([six], requires_grad=True)
    turned = rot.six_d_to_matrix(x)
    assert torch.allclose(turned @ turned.transpose(1, 2), torch.eye(3), atol=1e-6)
    assert torch.linalg.det(turned).item() == pytest.approx(1.0, abs=1e-6)
    turned.square().sum().backward()
    assert torch.isfinite(x.grad).all()


def test_six_d_form_refuses_other_sizes() -> None:
    with pytest.raises(ValueError, match="6 numbers"):
        rot.six_d_to_matrix(torch.zeros(2, 9))


def test_projection_equals_roma_for_any_matrix_also_reflections() -> None:
    roma = pytest.importorskip("roma")
    m = torch.randn(500, 3, 3, dtype=torch.float64, generator=GENERATOR)
    assert (torch.linalg.det(m) < 0).any()
    assert (rot.project_so3(m) - roma.special_procrustes(m)).abs().max() < 1e-10


def test_projection_is_differentiable_exactly_where_svd_is_not() -> None:
    # a rotation has three equal singular values; the derivative there is the antisymmetric part
    turned = random_rotations(4).requires_grad_()
    assert torch.autograd.gradcheck(rot.project_so3, turned)
    general = torch.randn(8, 3, 3, dtype=torch.float64, generator=GENERATOR).requires_grad_()
    assert torch.autograd.gradcheck(rot.project_so3, general)


def test_projection_for_export_equals_the_one_by_svd() -> None:
    m = torch.randn(500, 3, 3, generator=GENERATOR)
    away = rot.geodesic_deg(rot._nearest_rotation_graph(m), rot.project_so3(m))
    assert away.median() < 1e-3
    assert away.max() < 0.05


def test_geodesic_equals_scipy_over_the_whole_range() -> None:
    a, b = random_rotations(400)[:200], random_rotations(400)[200:]
    expected = (Rotation.from_matrix(a.numpy()).inv() * Rotation.from_matrix(b.numpy())).magnitude()
    assert np.abs(rot.geodesic(a, b).numpy() - expected).max() < 1e-10


@pytest.mark.parametrize("degrees", [1e-4, 1e-2, 1.0, 90.0, 179.0, 179.99])
def test_geodesic_keeps_its_digits_in_float32_near_0_and_180(degrees: float) -> None:
    axis = torch.tensor([1.0, 2.0, -2.0]) / 3.0
    turned = rot.so3_exp(axis.double() * np.radians(degrees)).float()
    assert rot.geodesic_deg(turned, torch.eye(3)).item() == pytest.approx(degrees, rel=2e-3, abs=2e-5)


@pytest.mark.parametrize("degrees", [0.0, 1e-7, 180.0])
def test_geodesic_has_finite_gradients_at_its_ends(degrees: float) -> None:
    turned = rot.euler_to_matrix(torch.tensor([[0.0, 0.0, degrees]])).requires_grad_()
    rot.geodesic(turned, torch.eye(3).expand(1, 3, 3)).sum().backward()
    assert torch.isfinite(turned.grad).all()


def test_descent_on_the_geodesic_reaches_the_target_from_anywhere() -> None:
    target = random_rotations(20).float()
    six = torch.randn(20, 6, generator=GENERATOR).requires_grad_()
    optimiser = torch.optim.Adam([six], lr=0.1)
    for step in range(800):
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / 800)
        optimiser.zero_grad()
        rot.geodesic(rot.six_d_to_matrix(six), target).mean().backward()
        optimiser.step()
    away = rot.geodesic_deg(rot.six_d_to_matrix(six), target)
    assert away.max() < 1.0


def test_exponential_equals_scipy_and_is_smooth_at_zero() -> None:
    v = torch.randn(100, 3, dtype=torch.float64, generator=GENERATOR)
    assert np.abs(rot.so3_exp(v).numpy() - Rotation.from_rotvec(v.numpy()).as_matrix()).max() < 1e-12
    zero = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(rot.so3_exp, zero)


def test_midpoint_is_half_way_along_the_geodesic() -> None:
    a = random_rotations(50)
    half = torch.randn(50, 3, dtype=torch.float64, generator=GENERATOR) * 0.4
    b = a @ rot.so3_exp(2 * half)
    assert rot.geodesic_deg(rot.midpoint(a, b), a @ rot.so3_exp(half)).max() < 1e-6


def _axis(axis: str, degrees: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(Rotation.from_euler(axis, degrees.numpy()[:, None], degrees=True).as_matrix())


def test_native_forms_of_other_code_bases_come_to_this_frame_and_go_back() -> None:
    angles = random_angles(200)
    yaw, pitch, roll = angles.unbind(1)
    here = rot.euler_to_matrix(angles)
    natives = {
        rot.from_y_up: _axis("x", -pitch) @ _axis("y", -yaw) @ _axis("z", -roll),
        rot.from_sixdrepnet: _axis("z", roll) @ _axis("y", yaw) @ _axis("x", pitch),
        rot.from_trinet: _axis("x", pitch) @ _axis("y", -yaw) @ _axis("z", roll),
    }
    for adapter, native in natives.items():
        assert (adapter(native) - here).abs().max() < 1e-14, adapter.__name__
        # every adapter is its own inverse
        assert (adapter(here) - native).abs().max() < 1e-14, adapter.__name__
        # and an isometry, so that a loss in the native form is the loss here
        other = adapter(native.roll(1, 0))
        away = rot.geodesic(adapter(native), other) - rot.geodesic(native, native.roll(1, 0))
        assert away.abs().max() < 1e-7


def test_mirror_turns_yaw_and_roll_around() -> None:
    angles = random_angles(50)
    back = rot.matrix_to_euler(rot.mirror(rot.euler_to_matrix(angles)))
    assert (back - angles * torch.tensor([-1.0, 1.0, -1.0])).abs().max() < 1e-8


def test_in_plane_rotation_meets_the_golden_vectors(shared) -> None:
    cases = json.loads((shared / "golden" / "rotation.json").read_text())
    cases = [c for c in cases if c.get("space") == "rgb_camera" and "R_in" in c]
    assert cases
    for case in cases:
        turned = rot.rotate_in_plane(
            torch.tensor(case["R_in"], dtype=torch.float64),
            torch.tensor(float(case["theta_deg"]), dtype=torch.float64),
        )
        assert np.abs(turned.numpy() - np.array(case["R_out"])).max() < 1e-8


def test_half_precision_input_is_computed_in_float32_also_under_autocast() -> None:
    six = torch.randn(50, 6, generator=GENERATOR).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        turned = rot.six_d_to_matrix(six)
        away = rot.geodesic(turned, turned)
    assert turned.dtype == away.dtype == torch.float32
    assert (turned @ turned.transpose(1, 2) - torch.eye(3)).abs().max() < 1e-5
