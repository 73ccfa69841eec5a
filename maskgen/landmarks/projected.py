"""Landmarks from the labelled pose alone: the canonical face put where the label says and projected.

They are those of an average, neutral face: on AFLW2000 they lie 2.3 % of the face size (median) from the
labelled points (docs/formats.md). No detector and no pixels are needed.
"""

from __future__ import annotations

import numpy as np

from ..geometry.face import BIWI_FROM_CANONICAL, CANONICAL_FACE
from ..geometry.landmarks import NOSE_TIP, Landmarks
from ..sample import Sample

SOURCE = "projected"


def projected_landmarks(sample: Sample) -> Landmarks | None:
    """Projected landmarks with depth, or None where the label has no pose or no camera.

    300W-LP, AFLW2000: the weak-perspective camera of Pose_Para. BIWI: pose and head centre carried into the
    colour camera and projected with its calibration (docs/conventions.md, sections 3 and 5).
    """
    if sample.pose is None:
        return None
    if sample.camera is not None:
        return Landmarks.of(sample.camera.project(CANONICAL_FACE, sample.pose.cam_from_head), SOURCE)
    if sample.calibration is None or sample.head_centre is None:
        return None
    turn, shift = BIWI_FROM_CANONICAL
    head = CANONICAL_FACE @ turn.T + shift
    seen = sample.calibration.from_reference(head @ sample.pose.cam_from_head.T + sample.head_centre)
    if not (seen[:, 2] > 0.0).all():
        return None
    # depth along the line of sight, in the pixels that a millimetre has at the nose tip
    nose = seen[NOSE_TIP]
    depth = (seen - nose) @ (nose / np.linalg.norm(nose)) * sample.calibration.intrinsics[0, 0] / nose[2]
    return Landmarks.of(np.column_stack([sample.calibration.project(seen), depth]), SOURCE)
