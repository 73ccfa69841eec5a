"""The matrix-Fisher normaliser against closed forms, other quadrature, Monte Carlo and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from scipy.special import i0e

from maskgen.hpe.fisher import fisher_mode, log_normaliser, negative_log_likelihood, proper_svd


def uniform_rotations(n: int, seed: int) -> np.ndarray:
    return Rotation.random(n, random_state=np.random.default_rng(seed)).as_matrix()


def brute_log_c(s: np.ndarray) -> float:
    """log c by 200,000 midpoints, denser toward u = 1: no rule in common with the code under test."""
    edges = 1.0 - 2.0 * np.linspace(1.0, 0.0, 200_001) ** 4
    u, du = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    s1, s2, s3 = s
    bessel = i0e((s2 - s3) * (1 - u) / 2) * i0e((s2 + s3) * (1 + u) / 2)
    return float(s.sum() + np.log((0.5 * bessel * np.exp((s1 + s3) * (u - 1)) * du).sum()))


def test_log_c_of_the_zero_matrix_is_zero_and_its_gradient_too():
    f = torch.zeros(4, 3, 3, dtype=torch.float64, requires_grad=True)
    value = log_normaliser(f)
    value.sum().backward()
    assert value.abs().max() < 1e-13
    # the mean of uniform rotations is the zero matrix
    assert f.grad.abs().max() < 1e-13


@pytest.mark.parametrize("a", [1e-3, 0.5, 7.0, 300.0, 1e5])
def test_one_axis_alone_has_the_closed_form_sinh_a_over_a(a):
    f = torch.zeros(3, 3, dtype=torch.float64)
    f[1, 2] = a
    # log(sinh a / a), in a form that does not overflow
    expected = a + np.log(-np.expm1(-2 * a) / (2 * a))
    assert log_normaliser(f).item() == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("scale", [0.1, 3.0, 40.0, 1e3, 1e5])
def test_quadrature_agrees_with_brute_force_for_any_concentration_and_sign(scale):
    rng = np.random.default_rng(int(scale * 10))
    for kind in range(6):
        s = np.sort(np.abs(rng.normal(size=3)))[::-1] * scale
        if kind == 1:
            s = np.array([scale, scale, -scale])
        if kind == 2:
            s = np.array([scale, scale, scale])
        s[2] *= -1 if kind > 3 else 1
        u, v = uniform_rotations(2, kind)
        value = log_normaliser(torch.tensor(u @ np.diag(s) @ v.T)).item()
        assert value - s.sum() == pytest.approx(brute_log_c(s) - s.sum(), abs=2e-6)


def test_log_c_agrees_with_monte_carlo_over_uniform_rotations():
    rotations = uniform_rotations(1_000_000, 0)
    rng = np.random.default_rng(1)
    for _ in range(4):
        f = rng.normal(size=(3, 3))
        sampled = np.log(np.exp(np.einsum("nij,ij->n", rotations, f)).mean())
        assert log_normaliser(torch.tensor(f)).item() == pytest.approx(sampled, abs=3e-3)


def test_gradient_passes_gradcheck_also_where_singular_values_coincide():
    generator = torch.Generator().manual_seed(0)
    general = torch.randn(3, 3, 3, generator=generator, dtype=torch.float64) * 3
    degenerate = torch.stack([torch.eye(3).double() * 2, -torch.eye(3).double(), torch.zeros(3, 3).double()])
    for f in (general, degenerate):
        assert torch.autograd.gradcheck(log_normaliser, f.requires_grad_(True), atol=1e-7)


def test_gradient_is_the_mean_rotation():
    rotations = uniform_rotations(400_000, 3)
    f = np.array([[2.0, 0.3, 0.0], [-0.4, 1.0, 0.5], [0.2, 0.1, -1.5]])
    weight = np.exp(np.einsum("nij,ij->n", rotations, f))
    mean = np.einsum("n,nij->ij", weight, rotations) / weight.sum()
    t = torch.tensor(f, requires_grad=True)
    log_normaliser(t).backward()
    np.testing.assert_allclose(t.grad.numpy(), mean, atol=5e-3)


def test_likelihood_is_best_at_the_truth_and_descending_it_finds_the_truth():
    truth = torch.tensor(uniform_rotations(1, 5)[0])
    others = torch.tensor(uniform_rotations(500, 6))
    f = 20.0 * truth
    at_truth = negative_log_likelihood(f, truth)
    assert (negative_log_likelihood(f, others) > at_truth).all()
    # the printed sign would rank them the other way round
    moving = (
        (0.1 * torch.randn(3, 3, generator=torch.Generator().manual_seed(0))).double().requires_grad_(True)
    )
    optimiser = torch.optim.Adam([moving], lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        negative_log_likelihood(moving, truth).backward()
        optimiser.step()
    mode = fisher_mode(moving.detach())
    assert (mode - truth).abs().max() < 0.02


def test_float32_and_stacked_parameters_are_taken_and_other_shapes_refused():
    f = torch.randn(2, 5, 3, 3)
    assert log_normaliser(f).shape == (2, 5)
    assert log_normaliser(f).dtype == torch.float64
    with pytest.raises(ValueError, match="3 x 3"):
        log_normaliser(torch.zeros(3, 4))


def test_proper_svd_gives_rotations_and_the_matrix_back():
    f = torch.randn(200, 3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    u, s, v = proper_svd(f)
    torch.testing.assert_close(u @ torch.diag_embed(s) @ v.mT, f)
    assert (torch.linalg.det(u) - 1).abs().max() < 1e-10
    assert (torch.linalg.det(v) - 1).abs().max() < 1e-10
    assert (s[:, 0] >= s[:, 1]).all()
    assert (s[:, 1] >= s[:, 2].abs() - 1e-12).all()
