"""How wrong predicted head poses are: pure numpy on arrays of n heads, angles in degrees.

Angle triples are (yaw, pitch, roll) and rotations are in the frame of maskgen.geometry.rotation. Nothing
here selects, drops or averages over models: it turns two arrays into numbers, and says how many heads each
number stands on.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..geometry.rotation import Array, euler_to_matrix, geodesic_deg, nearest_triple, wrap_deg

ANGLES = ("yaw", "pitch", "roll")
AXES = ("left", "down", "front")
#: edges of the per-range table, by the absolute TRUE angle; the last range includes its upper edge
RANGE_EDGES = (0.0, 30.0, 60.0, 99.0)
#: thresholds in degrees under which the cumulative error curve is integrated
AUC_AT = (5.0, 10.0, 15.0)
METRICS = ("wrapped", "sixdrep_legacy")

#: rows by angle name
Table = dict[str, list[dict[str, Any]]]


def angle_errors(predicted: ArrayLike, true: ArrayLike, metric: str = "wrapped") -> Array:
    """Absolute error of each angle, (n, 3) degrees in [0, 180].

    ``wrapped``: the difference brought into (-180, 180]. A prediction for a head labelled beyond
    |yaw| = 90 is read as the triple of the same rotation that continues the label, because a rotation
    matrix cannot tell the two triples apart. ``sixdrep_legacy``: the smallest of the differences offset by
    0, +-180 and +-360, as 6DRepNet's test does. It forgives errors of 180 degrees and folds those above 90:
    only for reproducing published numbers. Raises ValueError for another name or unequal shapes.
    """
    pred, ref = _triples(predicted), _triples(true)
    if pred.shape != ref.shape:
        raise ValueError(f"predictions and labels differ in shape: {pred.shape} and {ref.shape}")
    if metric == "wrapped":
        return np.asarray(np.abs(wrap_deg(nearest_triple(pred, ref) - ref)))
    if metric == "sixdrep_legacy":
        offsets = np.array([0.0, 180.0, -180.0, 360.0, -360.0])
        return np.asarray(np.abs(pred - ref + offsets[:, None, None]).min(axis=0))
    raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")


def axis_errors(predicted: ArrayLike, true: ArrayLike) -> Array:
    """Angle between predicted and true left, down and front axes of the head, (n, 3) degrees.

    The axes are the columns of the rotations (n, 3, 3) of frame C; their mean over heads is the MAEV of
    TriNet. In 6DRepNet's own (transposed) matrices they would be rows.
    """
    p, t = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    chord = np.linalg.norm(p - t, axis=-2)
    total = np.linalg.norm(p + t, axis=-2)
    return np.asarray(np.degrees(2.0 * np.arctan2(chord, total)), np.float64)


def cumulative(errors: ArrayLike, thresholds: ArrayLike) -> Array:
    """Fraction of heads with an error at or below each threshold; a failed head has error inf or nan."""
    e, t = np.sort(_finite_or_inf(errors)), np.asarray(thresholds, dtype=np.float64)
    if e.size == 0:
        return np.full(t.shape, np.nan)
    return np.searchsorted(e, t, side="right") / e.size


def area_under_cumulative(errors: ArrayLike, limit: float) -> float:
    """Exact area under the cumulative error curve from 0 to ``limit`` degrees, divided by ``limit``."""
    e = _finite_or_inf(errors)
    return float(np.clip(1.0 - e / limit, 0.0, None).mean()) if e.size else float("nan")


def range_masks(true: ArrayLike, edges: Sequence[float] = RANGE_EDGES) -> list[tuple[str, np.ndarray]]:
    """Pairs (label, (n, 3) bool) by the absolute true angle; a last range ">99" appears only if occupied."""
    size = np.abs(_triples(true))
    out = []
    for i, (low, high) in enumerate(pairwise(edges)):
        last = i == len(edges) - 2
        inside = (size >= low) & ((size <= high) if last else (size < high))
        out.append((f"[{low:g},{high:g}{']' if last else ')'}", inside))
    beyond = size > edges[-1]
    if beyond.any():
        out.append((f">{edges[-1]:g}", beyond))
    return out


def range_table(errors: Array, true: ArrayLike, edges: Sequence[float] = RANGE_EDGES) -> Table:
    """Per angle, the error by the TRUE angle's size: {"yaw": [{"range", "n", "mae"}, ...], ...}."""
    table: Table = {name: [] for name in ANGLES}
    for label, inside in range_masks(true, edges):
        for j, name in enumerate(ANGLES):
            n = int(inside[:, j].sum())
            mae = float(errors[inside[:, j], j].mean()) if n else None
            table[name].append({"range": label, "n": n, "mae": mae})
    return table


def error_by_angle(errors: Array, true: ArrayLike, width: float = 10.0) -> Table:
    """Per angle, the error in bins of the SIGNED true angle (FSA-Net Fig. 6); empty bins are left out."""
    ref = _triples(true)
    out: Table = {}
    for j, name in enumerate(ANGLES):
        bins = np.floor(ref[:, j] / width).astype(int)
        out[name] = [
            {
                "centre": float((b + 0.5) * width),
                "n": int((bins == b).sum()),
                "mae": float(errors[bins == b, j].mean()),
            }
            for b in np.unique(bins)
        ]
    return out


def unbiased_mae(errors: Array, true: ArrayLike, width: float = 10.0) -> Array:
    """UBMAE (3,): mean over occupied angle bins of the bins' MAE, so rare poses count like common ones."""
    table = error_by_angle(errors, true, width)
    return np.array([np.mean([b["mae"] for b in table[name]]) if table[name] else np.nan for name in ANGLES])


def cost_error_product(mae: float, params: int | None, flops: int | None) -> dict[str, float | None]:
    """CEP in the costs that can be counted: million parameters x MAE and GFLOPs x MAE; smaller is better."""
    return {
        "params_m_x_mae": None if params is None else params / 1e6 * mae,
        "gflops_x_mae": None if flops is None else flops / 1e9 * mae,
    }


def zero_baseline(true: ArrayLike, metric: str = "wrapped") -> dict[str, float]:
    """MAE of answering (0, 0, 0) to every picture: what any network has to beat."""
    ref = _triples(true)
    return _named(angle_errors(np.zeros_like(ref), ref, metric))


def mae_by_angle(errors: Array) -> dict[str, float]:
    """{"yaw", "pitch", "roll", "mean"} of errors (n, 3); the mean is always computed from the three."""
    return _named(errors)


def score(
    predicted: ArrayLike, true: ArrayLike, rotation: ArrayLike | None = None, metric: str = "wrapped"
) -> dict[str, Any]:
    """Every number of one model on one set: predicted and true triples (n, 3), as a JSON-ready dictionary.

    rotation: predicted matrices (n, 3, 3), where the model has them; by default those of the triples.
    Raises ValueError if there is no head at all.
    """
    pred, ref = _triples(predicted), _triples(true)
    if len(ref) == 0:
        raise ValueError("no head to score")
    errors = angle_errors(pred, ref, metric)
    r_pred = euler_to_matrix(pred) if rotation is None else np.asarray(rotation, dtype=np.float64)
    r_true = euler_to_matrix(ref)
    geodesic = geodesic_deg(r_pred, r_true)
    maev = axis_errors(r_pred, r_true).mean(axis=0)
    ubmae = unbiased_mae(errors, ref)
    return {
        "n": len(ref),
        "metric": metric,
        "mae": mae_by_angle(errors),
        "maev": {**dict(zip(AXES, map(float, maev), strict=True)), "mean": float(maev.mean())},
        "geodesic": {"mean": float(geodesic.mean()), "median": float(np.median(geodesic))},
        "auc": {f"{limit:g}": area_under_cumulative(geodesic, limit) for limit in AUC_AT},
        "ubmae": {**dict(zip(ANGLES, map(float, ubmae), strict=True)), "mean": float(ubmae.mean())},
        "ranges": range_table(errors, ref),
        "by_angle": error_by_angle(errors, ref),
        "zero_baseline": zero_baseline(ref, metric),
    }


def collapsed_angles(predicted: ArrayLike, true: ArrayLike, ratio: float = 0.1) -> tuple[str, ...]:
    """Names of the angles whose predictions vary less than ``ratio`` times the labels do.

    Such an output sits at a constant, usually near the always-zero baseline; averaged with two healthy
    angles it would look like a merely poor model. An angle whose labels hardly vary (std below 0.5 degrees)
    is never reported: there is nothing to follow.
    """
    pred, ref = _triples(predicted), _triples(true)
    if len(ref) < 2:
        return ()
    spread, wanted = pred.std(axis=0), ref.std(axis=0)
    return tuple(
        name for j, name in enumerate(ANGLES) if wanted[j] > 0.5 and not spread[j] >= ratio * wanted[j]
    )


def opposed_angles(predicted: ArrayLike, true: ArrayLike, correlation: float = -0.5) -> tuple[str, ...]:
    """Names of the angles whose predictions fall where labels rise: a sign of another convention.

    A poor network is uncorrelated with the labels, never strongly opposed to them.
    """
    pred, ref = _triples(predicted), _triples(true)
    found = np.isfinite(pred).all(axis=1)
    pred, ref = pred[found], ref[found]
    names: list[str] = []
    if len(ref) < 10:
        return ()
    for j, name in enumerate(ANGLES):
        spread = pred[:, j].std(), ref[:, j].std()
        if min(spread) > 0.5 and np.corrcoef(pred[:, j], ref[:, j])[0, 1] < correlation:
            names.append(name)
    return tuple(names)


def _triples(angles: ArrayLike) -> Array:
    a = np.asarray(angles, dtype=np.float64)
    if a.ndim != 2 or a.shape[1] != 3:
        raise ValueError(f"angles must have shape (n, 3) in the order yaw, pitch, roll, got {a.shape}")
    return a


def _finite_or_inf(errors: ArrayLike) -> Array:
    e = np.asarray(errors, dtype=np.float64).ravel()
    return np.where(np.isnan(e), np.inf, e)


def _named(errors: Array) -> dict[str, float]:
    per_angle = errors.mean(axis=0)
    return {**dict(zip(ANGLES, map(float, per_angle), strict=True)), "mean": float(per_angle.mean())}
