"""What tells heads apart: sixty measures of shape, each a smooth field that moves the mean head by some mm.

A row of SHAPES is one measure at one standard deviation. ``push`` rows move a Gaussian neighbourhood along a
vector, ``scale`` rows stretch it about its centre, ``ramp`` rows act on whole regions of the head. Rows with
x > 0 act on both sides alike; rows of ASYMMETRY on one side only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vec = tuple[float, float, float]


@dataclass(frozen=True)
class Push:
    """Move the neighbourhood of ``at`` (Gaussian radii ``reach``, mm) by ``by`` mm."""

    at: Vec
    reach: Vec
    by: Vec
    both: bool = True


@dataclass(frozen=True)
class Scale:
    """Stretch the neighbourhood of ``at`` about it by ``by`` (relative), and turn it about z by ``turn``
    rad."""

    at: Vec
    reach: Vec
    by: Vec = (0.0, 0.0, 0.0)
    turn: float = 0.0
    both: bool = True


@dataclass(frozen=True)
class Ramp:
    """Stretch along ``axis`` by ``by`` per mm beyond ``start``, fading in over ``soft`` mm.

    toward: +1 acts where the gate coordinate is above its bound, -1 below. gate: (axis, bound, width).
    """

    axis: int
    by: float
    about: float
    gate: tuple[int, float, float]


Row = Push | Scale | Ramp

SHAPES: dict[str, tuple[Row, ...]] = {
    "skull_width": (Ramp(0, 0.035, 0.0, (1, -15.0, -22.0)),),
    "skull_length": (Ramp(2, 0.05, 85.0, (2, 90.0, 20.0)),),
    "skull_height": (Ramp(1, 0.07, -60.0, (1, -62.0, -14.0)),),
    "forehead_slope": (Push((0, -118, 50), (45, 28, 40), (0, 0, 5.0)),),
    "forehead_round": (Push((0, -84, 26), (34, 18, 30), (0, 0, -2.2)),),
    "brow_ridge": (Push((22, -50, 31), (17, 7, 12), (0, 0.4, -1.7)),),
    "temple_full": (Push((70, -50, 72), (12, 20, 22), (1.8, 0, 0)),),
    "face_width": (Ramp(0, 0.045, 0.0, (1, -30.0, 16.0)),),
    "lower_height": (Ramp(1, 0.055, 12.0, (1, 16.0, 10.0)),),
    "middle_height": (Ramp(1, 0.055, -34.0, (1, -32.0, 8.0)),),
    "cheekbone_wide": (Push((50, -10, 62), (14, 12, 18), (2.0, 0, -0.4)),),
    "cheekbone_front": (Push((36, -12, 44), (15, 10, 16), (0, 0, -1.8)),),
    "cheek_flesh": (Push((44, 22, 66), (18, 18, 22), (3.0, 0.5, -2.0)),),
    "jowl": (Push((38, 58, 70), (14, 10, 16), (2.4, 1.4, -0.6)),),
    "jaw_wide": (Push((52, 40, 95), (18, 20, 22), (3.4, 0, 0)),),
    "jaw_drop": (Push((52, 44, 98), (16, 14, 20), (0.0, 4.0, 1.0)),),
    "chin_front": (Push((0, 62, 30), (18, 13, 18), (0, 0, -2.8)),),
    "chin_long": (Push((0, 68, 36), (22, 13, 20), (0, 3.0, 0)),),
    "chin_wide": (Push((13, 64, 34), (10, 11, 13), (2.4, 0, 0.4)),),
    "chin_cleft": (Push((0, 63, 20), (3.2, 7, 9), (0, 0, 0.7)),),
    "under_chin": (Push((0, 84, 68), (28, 15, 24), (0, 4.0, -2.5)),),
    "nose_long": (Push((0, 2, 10), (13, 13, 15), (0, 2.2, 0)),),
    "nose_front": (Push((0, -1, 8), (12, 15, 14), (0, 0, -2.2)),),
    "nose_wide": (Push((13, 5, 20), (7, 8, 10), (2.0, 0, 0)),),
    "wing_high": (Push((13, 5, 20), (6, 7, 9), (0, -1.1, 0)),),
    "bridge_high": (Push((0, -25, 20), (9, 12, 11), (0, 0, -1.9)),),
    "bridge_wide": (Push((7, -22, 24), (6, 15, 9), (1.2, 0, 0)),),
    "nose_hump": (Push((0, -17, 9), (7, 6.5, 8), (0, 0, -1.1)),),
    "tip_up": (Push((0, 1, 6), (9, 7, 11), (0, -1.7, -0.3)),),
    "tip_bulb": (Push((5, 0, 7), (6, 6, 8), (1.1, 0, -0.3)),),
    "eye_apart": (Push((31, -35, 44), (17, 14, 22), (1.2, 0, 0)),),
    "eye_high": (Push((31, -35, 44), (20, 12, 22), (0, -1.0, 0)),),
    "eye_deep": (Push((31, -35, 44), (17, 11, 22), (0, 0, 1.1)),),
    "eye_large": (Scale((31.4, -34.6, 44), (14, 10, 20), (0.055, 0.08, 0.03)),),
    "eye_tilt": (Scale((31.4, -34.6, 44), (13, 9, 20), turn=-0.09),),
    "eye_open": (Scale((31.4, -34.6, 40), (13, 7, 14), (0, 0.12, 0)),),
    "lid_hooded": (Push((31, -43.5, 37), (15, 4.2, 9), (0, 1.7, -0.9)),),
    "lid_inner_fold": (Push((18.5, -35, 38), (4.5, 4.5, 6), (1.1, 0.9, -0.8)),),
    "eye_bag": (Push((29, -25.5, 40), (11, 4, 7), (0, 0.4, -0.9)),),
    "brow_high": (Push((35, -53, 36), (18, 6.5, 15), (0, -1.6, 0)),),
    "mouth_wide": (Scale((0, 32, 24), (26, 11, 24), (0.06, 0, 0.03)),),
    "mouth_low": (Push((0, 33, 22), (28, 13, 22), (0, 1.4, 0)),),
    "upper_lip_full": (Push((0, 26.2, 15), (15, 2.6, 7), (0, -0.9, -0.7)),),
    "lower_lip_full": (Push((0, 39.5, 17), (13, 3.4, 7), (0, 0.9, -0.9)),),
    "lips_front": (Push((0, 32, 18), (21, 10, 14), (0, 0, -1.6)),),
    "philtrum_deep": (Push((0, 18, 14), (2.8, 5, 6), (0, 0, 0.6)),),
    "mouth_corner_up": (Push((25, 32.5, 33), (8, 6, 10), (0, -0.9, 0)),),
    "ear_large": (Scale((76, -12, 128), (16, 30, 26), (0.05, 0.08, 0.08)),),
    "ear_out": (Push((86, -18, 140), (10, 26, 18), (3.4, 0, -1.8)),),
    "ear_low": (Push((79, -12, 130), (14, 34, 24), (0, 2.2, 0)),),
    "ear_lobe": (Push((74, 15, 122), (9, 8, 11), (0, 1.8, 0)),),
    "neck_wide": (Ramp(0, 0.06, 0.0, (1, 70.0, 14.0)),),
    "neck_front": (Push((0, 100, 90), (36, 34, 24), (0, 0, -4.0)),),
    "larynx": (Push((0, 102, 86), (8, 11, 12), (0, 0, -2.2)),),
    "shoulders_wide": (Ramp(0, 0.06, 0.0, (1, 125.0, 18.0)),),
    "shoulders_high": (Push((110, 150, 160), (60, 40, 60), (0, -8.0, 0)),),
}

ASYMMETRY: dict[str, tuple[Row, ...]] = {
    "nose_aside": (Push((0, -4, 8), (10, 14, 14), (0.8, 0, 0)),),
    "chin_aside": (Push((0, 62, 32), (22, 18, 26), (1.0, 0, 0)),),
    "mouth_aside": (Push((0, 33, 22), (26, 11, 22), (0.6, 0, 0)),),
    "corner_one": (Push((25, 32.5, 33), (9, 7, 11), (0.2, -0.7, 0), both=False),),
    "eye_one": (Push((31, -35, 44), (17, 12, 22), (0.2, 0.6, 0.2), both=False),),
    "lid_one": (Scale((31.4, -34.6, 40), (13, 7, 14), (0, 0.05, 0), both=False),),
    "brow_one": (Push((35, -53, 36), (18, 6.5, 15), (0, -0.9, 0), both=False),),
    "jaw_one": (Push((50, 40, 90), (20, 22, 26), (1.4, 0, 0), both=False),),
    "cheek_one": (Push((42, 10, 60), (18, 18, 20), (0.9, 0, -0.6), both=False),),
    "ear_one": (Push((84, -18, 138), (12, 28, 20), (1.6, -1.0, 0), both=False),),
}

MEASURES: tuple[str, ...] = (*SHAPES, *ASYMMETRY)


def _bell(points: NDArray, at: Vec, reach: Vec) -> NDArray:
    d = (points - np.array(at)) / np.array(reach)
    return np.exp(-0.5 * (d * d).sum(axis=1))


def _one_side(points: NDArray, row: Push | Scale) -> NDArray:
    bell = _bell(points, row.at, row.reach)[:, None]
    if isinstance(row, Push):
        return bell * np.array(row.by)
    d = points - np.array(row.at)
    turned = np.stack([-row.turn * d[:, 1], row.turn * d[:, 0], np.zeros(len(d))], axis=1)
    return bell * (d * np.array(row.by) + turned)


def field(points: NDArray, row: Row) -> NDArray:
    """The displacement (n, 3) mm of one row at ``points`` (n, 3) of the mean head."""
    if isinstance(row, Ramp):
        axis, bound, width = row.gate
        gate = 1.0 / (1.0 + np.exp(-np.clip((points[:, axis] - bound) / (0.35 * width), -40.0, 40.0)))
        out = np.zeros_like(points)
        out[:, row.axis] = row.by * (points[:, row.axis] - row.about) * gate
        return out
    out = _one_side(points, row)
    if row.both and row.at[0] > 0.0:
        flip = np.array([-1.0, 1.0, 1.0])
        out = out + _one_side(points * flip, row) * flip
    return out


def shape_basis(points: NDArray) -> NDArray[np.float32]:
    """Displacement of every measure at every point: (len(MEASURES), n, 3) float32."""
    rows = {**SHAPES, **ASYMMETRY}
    return np.stack([sum(field(points, r) for r in rows[name]) for name in MEASURES]).astype(np.float32)
