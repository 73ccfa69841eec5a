"""The matrix-Fisher distribution p(R) = exp(tr(F^T R)) / c(F) on rotations, to first derivatives.

With proper singular values s1 >= s2 >= |s3| of F (s3 carries the sign of the determinants) the normaliser
against the uniform measure of total mass 1 is one integral (Lee 2018, Mohlin et al. 2020):

    c(F) = int_{-1}^{1} 1/2 I0[(s2 - s3)(1 - u)/2] I0[(s2 + s3)(1 + u)/2] exp(s1 u) du

The exponential growth of both Bessel functions and of exp adds up to s1 + s2 + s3 at u = 1, so with the
scaled i0e(x) = exp(-|x|) I0(x)

    log c(F) = s1 + s2 + s3 + log int 1/2 i0e[..] i0e[..] exp((s1 + s3)(u - 1)) du

whose integrand never exceeds 1/2. All arithmetic is float64: a float32 normaliser loses the few
units of nats between two likely rotations once the concentrations pass about 100.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: nodes of the Gauss-Legendre rule; the substitution below makes them enough for any concentration
NODES = 128


@lru_cache(maxsize=8)
def _rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    x, w = np.polynomial.legendre.leggauss(nodes)
    return x, w


def proper_svd(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """``matrix = U diag(s) V^T`` with U, V proper rotations and s1 >= s2 >= |s3|; (..., 3, 3) -> U, s, V."""
    u, s, vt = torch.linalg.svd(matrix)
    v = vt.transpose(-1, -2)
    du, dv = torch.linalg.det(u).sign(), torch.linalg.det(v).sign()
    last = torch.tensor([0.0, 0.0, 1.0], dtype=matrix.dtype, device=matrix.device)
    flip_u = 1.0 + (du - 1.0)[..., None] * last
    flip_v = 1.0 + (dv - 1.0)[..., None] * last
    return u * flip_u[..., None, :], s * flip_u * flip_v, v * flip_v[..., None, :]


class _ScaledBessel(torch.autograd.Function):
    """exp(-x) I0(x) for x >= 0, with the derivative from the right at 0.

    torch takes exp(-|x|), whose derivative at 0 it sets to 0; here the factored-out exponent needs the -1
    that belongs to exp(-x), also at the arguments that are exactly 0 for equal singular values.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        value: Tensor = torch.special.i0e(x)
        ctx.save_for_backward(x, value)
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        x, value = ctx.saved_tensors
        slope: Tensor = grads[0] * (torch.special.i1e(x) - value)
        return slope


def _log_integral(s: Tensor, nodes: int) -> Tensor:
    """``log c - (s1 + s2 + s3)`` of proper singular values s (..., 3) in float64.

    The integrand falls off from u = 1 at the rate s1 + s3, and like a square root of 1 - u where s2 - s3 is
    large, so the nodes are drawn toward u = 1 by u = 1 - 2 x^2, x in (0, 1), and cut where exp has fallen
    to 1e-20: the rule then keeps its accuracy from F = 0 to concentrations of 1e5 and beyond.
    """
    x_np, w_np = _rule(nodes)
    x = torch.as_tensor((x_np + 1.0) / 2.0, dtype=s.dtype, device=s.device)
    w = torch.as_tensor(w_np / 2.0, dtype=s.dtype, device=s.device)
    s1, s2, s3 = s[..., 0:1], s[..., 1:2], s[..., 2:3]
    # x_max is a constant of the rule, not part of the function: it must not carry gradient
    with torch.no_grad():
        x_max = torch.sqrt(23.0 / (s1 + s3).clamp_min(23.0))
    x = x * x_max
    one_minus_u = 2.0 * x * x
    a = (s2 - s3) * one_minus_u / 2.0
    b = (s2 + s3) * (2.0 - one_minus_u) / 2.0
    scaled: Any = _ScaledBessel.apply  # torch leaves it untyped
    bessel = scaled(a) * scaled(b)
    value = 0.5 * bessel * torch.exp(-(s1 + s3) * one_minus_u) * 4.0 * x * x_max * w
    out: Tensor = value.sum(-1).log()
    return out


def log_normaliser(matrix: Tensor, nodes: int = NODES) -> Tensor:
    """log c(F) of parameters F (..., 3, 3), float64; 0 for F = 0.

    Its gradient is the mean rotation E[R] = U diag(d log c / d s) V^T. It is reached by holding U and V fixed
    and letting s = diag(U^T F V) vary, which is exact to first order and, unlike the derivative of an SVD,
    finite where singular values coincide. Second derivatives are not provided.

    Raises ValueError for another shape.
    """
    if matrix.shape[-2:] != (3, 3):
        raise ValueError(f"matrix-Fisher parameters end in axes 3 x 3, got shape {tuple(matrix.shape)}")
    f = matrix.double()
    with torch.no_grad():
        u, _, v = proper_svd(f)
    s = torch.einsum("...ji,...jk,...ki->...i", u, f, v)
    return s.sum(-1) + _log_integral(s, nodes)


def negative_log_likelihood(matrix: Tensor, rotation: Tensor) -> Tensor:
    """``log c(F) - tr(F^T R)`` of rotations R under F, both (..., 3, 3); (...,) float64.

    The seed deck prints this with both signs turned, which would be the likelihood itself: minimising that
    drives the mode away from the truth.
    """
    f = matrix.double()
    return log_normaliser(f) - (f * rotation.double()).sum((-1, -2))


def fisher_mode(matrix: Tensor) -> Tensor:
    """The most likely rotation U V^T of parameters F (..., 3, 3), in the dtype of F."""
    u, _, v = proper_svd(matrix)
    return u @ v.transpose(-1, -2)
