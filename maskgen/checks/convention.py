"""The label-convention test: do the labelled poses agree with the landmarks, and if not, under which change?

A network trained on labels with a flipped sign or a transposed matrix learns without complaint; only its
errors on other data are strange. Here each likely mistake is undone in turn: the one that makes poses and
landmarks agree is the one that was made. Only landmarks that did not come from the pose itself can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from ..geometry.rotation import Array, euler_to_matrix, rotation_x, rotation_y, rotation_z
from ..landmarks.checks import agreement_deg
from .finding import Finding

#: what could have been done to a label, by how it is undone; triples are (yaw, pitch, roll)
UNDO: Mapping[str, Callable[[Array, Array], Array]] = {
    "as it stands": lambda r, e: r,
    "the matrix is transposed": lambda r, e: r.T,
    "the sign of yaw is flipped": lambda r, e: euler_to_matrix(e * [-1, 1, 1]),
    "the sign of pitch is flipped": lambda r, e: euler_to_matrix(e * [1, -1, 1]),
    "the sign of roll is flipped": lambda r, e: euler_to_matrix(e * [1, 1, -1]),
    "the picture is mirrored (yaw and roll flipped)": lambda r, e: euler_to_matrix(e * [-1, 1, -1]),
    "the signs of pitch and roll are flipped": lambda r, e: euler_to_matrix(e * [1, -1, -1]),
    "the signs of yaw and pitch are flipped": lambda r, e: euler_to_matrix(e * [-1, -1, 1]),
    "all three signs are flipped": lambda r, e: euler_to_matrix(-e),
    "yaw and pitch are swapped": lambda r, e: euler_to_matrix(e[[1, 0, 2]]),
    "yaw and roll are swapped": lambda r, e: euler_to_matrix(e[[2, 1, 0]]),
    "pitch and roll are swapped": lambda r, e: euler_to_matrix(e[[0, 2, 1]]),
    "radians are read as degrees": lambda r, e: euler_to_matrix(np.degrees(e)),
    "the angles are of the order Rz Ry Rx": lambda r, e: _zyx(e),
}
#: median degrees between pose and landmarks that is still agreement; 1.4 on real AFLW2000 (docs/formats.md)
AGREES_DEG = 6.0
#: fewer pictures than this decide nothing
FEWEST = 5


@dataclass(frozen=True)
class Verdict:
    """Median disagreement in degrees under every undoing, over n pictures."""

    n: int
    medians: Mapping[str, float]

    @property
    def best(self) -> str:
        """The undoing under which poses and landmarks agree best; "as it stands" wins ties."""
        return min(self.medians, key=lambda name: (round(self.medians[name], 6), name != "as it stands"))

    def findings(self) -> list[Finding]:
        """None where labels agree, else one error that names the mistake; a note if nothing is decided."""
        if self.n < FEWEST:
            text = f"only {self.n} pictures have landmarks of their own; the convention test needs {FEWEST}"
            return [Finding("convention.untested", "note", "", text)]
        now, best = self.medians["as it stands"], self.medians[self.best]
        where = f"median over {self.n} pictures: {now:.1f} degrees as it stands, {best:.1f} then"
        if best <= AGREES_DEG and best < 0.6 * now and now - best > 1.5:
            text = f"poses and landmarks agree only if one assumes that {self.best} ({where})"
            return [Finding("convention.wrong", "error", "", text)]
        if now <= AGREES_DEG:
            return []
        text = f"poses and landmarks disagree by {now:.1f} degrees (median of {self.n})"
        return [Finding("convention.unexplained", "error", "", f"{text}; no known mistake explains it")]


def disagreements(pose: HeadPose, angles: Sequence[float], landmarks: Landmarks) -> Array:
    """Degrees between the landmarks' pose and the label under every undoing, in the order of UNDO.

    Raises LandmarkError where the landmarks describe no head.
    """
    r, e = np.array(pose.cam_from_head), np.asarray(angles, dtype=np.float64)
    return np.array([agreement_deg(landmarks, HeadPose(undo(r, e))) for undo in UNDO.values()])


def verdict(rows: Sequence[Array]) -> Verdict:
    """The verdict over rows of `disagreements`: medians, so that single wrong labels do not decide."""
    if not rows:
        return Verdict(0, dict.fromkeys(UNDO, 0.0))
    return Verdict(len(rows), dict(zip(UNDO, map(float, np.median(np.stack(rows), axis=0)), strict=True)))


def _zyx(angles: Array) -> Array:
    """The rotation of angles that were taken apart in the order Rz(roll) Ry(yaw) Rx(-pitch)."""
    yaw, pitch, roll = angles
    return rotation_z(roll) @ rotation_y(yaw) @ rotation_x(-pitch)
