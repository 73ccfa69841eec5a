"""How a mask sits this time: corners that stand off, a hem that hangs, a little different on every mask.

A style's shell is one mask worn by the book. Here its lower edge is moved outward, by smooth fields that
follow from the style alone, each times a number drawn from the seed: the same seed gives the same shape in
every picture. What the seed makes differ between left and right is small, so that a mirrored picture with
the same seed is nearly a mirror image. A mask that sits askew hangs on the side that is lower and is drawn
taut on the other; with its roll turned round, too, a mirrored picture gets the mirrored mask.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..geometry.head import directions_of
from ..geometry.rotation import Array
from ..masks.spec import MaskSpec
from .shell import COLUMNS, ROWS, Shell, build_shell
from .straps import STRAP_POINTS, on_grid

#: least and greatest share of `drape.slack` of each field of `_shapes`: lower corners and chin stand off or
#: not, the hem between them hangs or is drawn in, and left and right differ by a little
_SHARES = np.array([(0.0, 1.0), (-0.3, 0.7), (-0.5, 0.5), (-0.3, 0.3), (-0.05, 0.05), (-0.05, 0.05)])
#: how much of what is drawn for both corners, and both halves of the hem, goes from one side to the other
#: on a mask that is rolled by so many degrees or more
_LEAN, _ASKEW_DEG = 0.7, 3.0
#: fields that say how both sides hang, and those of the difference between them
_CORNERS, _BETWEEN, _CORNER_SIDES, _BETWEEN_SIDES = 0, 2, 4, 5
#: bytes of the seed that are drawn from
SLACK_BYTES = len(_SHARES)


def _smoothstep(x: Array) -> Array:
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _shapes() -> Array:
    """How far each field moves each point of the grid outward, 0..1: (SLACK_BYTES, ROWS, COLUMNS)."""
    u, v = np.linspace(-1.0, 1.0, COLUMNS)[None, :], np.linspace(0.0, 1.0, ROWS)[:, None]
    corner = _smoothstep((np.abs(u) - 0.55) / 0.45) * _smoothstep((v - 0.45) / 0.55)
    chin = (1.0 - u**2) ** 3 * _smoothstep((v - 0.65) / 0.35)
    between = np.exp(-(((np.abs(u) - 0.5) / 0.22) ** 2)) * _smoothstep((v - 0.7) / 0.3)
    hem = (1.0 - u**8) * _smoothstep((v - 0.75) / 0.25)
    left = np.tanh(u / 0.25)
    return np.stack([corner, chin, between, hem * np.cos(7.0 * u), left * corner, left * between])


@lru_cache(maxsize=96)
def slack_fields(spec: MaskSpec, wear: str) -> Array | None:
    """Millimetres by which each field moves each vertex of the shell, (SLACK_BYTES, n, 3); bands follow.

    None for a style without slack.
    """
    if spec.drape.slack == 0.0:
        return None
    shell = build_shell(spec, wear)
    outward, _ = directions_of(shell.vertices[: ROWS * COLUMNS])
    out = np.zeros((SLACK_BYTES, *shell.vertices.shape))
    for field, shape in zip(out, _shapes(), strict=True):
        field[: ROWS * COLUMNS] = spec.drape.slack * shape.reshape(-1, 1) * outward
        grid = field[: ROWS * COLUMNS].reshape(ROWS, COLUMNS, 3)
        bands = field[ROWS * COLUMNS :].reshape(len(spec.straps), 2, 2, STRAP_POINTS, 3)
        for strap, sides in zip(spec.straps, bands, strict=True):
            for side, band in zip((-1.0, 1.0), sides, strict=True):
                start = on_grid(grid, strap.start[0] * side, strap.start[1])
                band[:] = start * np.linspace(1.0, 0.0, STRAP_POINTS)[:, None]
    return out


def slackened(shell: Shell, fields: Array | None, drawn: tuple[int, ...], skew_deg: float) -> Shell:
    """``shell`` moved by its `slack_fields` as far as ``drawn`` (SLACK_BYTES bytes) and its roll say."""
    if fields is None:
        return shell
    vertices = shell.vertices.copy()
    shares = [
        least + (most - least) * byte / 255.0 for byte, (least, most) in zip(drawn, _SHARES, strict=True)
    ]
    lean = _LEAN * max(-1.0, min(1.0, skew_deg / _ASKEW_DEG))
    shares[_CORNER_SIDES] += lean * shares[_CORNERS]
    shares[_BETWEEN_SIDES] += lean * shares[_BETWEEN]
    # one after the other: the last bit of a matrix product is not the same on all machines
    for field, share in zip(fields, shares, strict=True):
        vertices += share * field
    return replace(shell, vertices=vertices)
