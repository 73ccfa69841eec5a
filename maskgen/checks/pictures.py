"""Checks of one picture and its labels alone: can they be read, and do they make sense together?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..datasets import DatasetFormat
from ..errors import ImageError, InputError, LandmarkError
from ..geometry.rotation import Array
from ..io.images import Pixels, decode_image
from ..landmarks.checks import AGREEMENT_DEG, agreement_deg
from ..landmarks.native import native_landmarks
from ..sample import Entry, Sample
from . import convention
from .finding import Finding


@dataclass
class Facts:
    """What was learned about one picture: findings, and values for dataset-wide checks.

    sha256: of the picture file. look: 64-bit difference hash of its content, None where unreadable.
    disagreement: of convention.disagreements, where the landmarks can tell. values: named numbers.
    """

    id: str
    group: str
    findings: list[Finding] = field(default_factory=list)
    sha256: str = ""
    look: int | None = None
    disagreement: Array | None = None
    values: dict[str, float] = field(default_factory=dict)

    def say(self, code: str, severity: str, message: str) -> None:
        """Add a finding about this picture."""
        self.findings.append(Finding(code, severity, self.id, message))  # type: ignore[arg-type]


def check_picture(
    fmt: DatasetFormat, root: Path, entry: Entry, facts: Facts
) -> tuple[Pixels | None, Sample | None]:
    """The pixels and the sample, each None where it cannot be read; findings go into ``facts``."""
    pixels: Pixels | None = None
    try:
        data = (root / entry.image).read_bytes()
        facts.sha256 = hashlib.sha256(data).hexdigest()
        pixels = decode_image(data, entry.image.name).bgr
    except OSError as error:
        facts.say("image.unreadable", "error", f"{entry.image}: {error.strerror or error}")
    except ImageError as error:
        facts.say("image.unreadable", "error", str(error))
    if pixels is not None:
        if float(pixels.std()) < 2.0:
            facts.say("image.blank", "warning", "the picture is a single colour")
        facts.look = difference_hash(pixels)
    try:
        sample = fmt.read(root, entry)
    except (InputError, OSError) as error:
        # the size of a picture that cannot be read is no fault of its label
        if pixels is not None or not isinstance(error, ImageError):
            facts.say("label.unreadable", "error", " ".join(str(error).split()))
        return pixels, None
    if sample.pose is None:
        facts.say("label.no_pose", "warning", "the label files hold no head pose")
        return pixels, sample
    if not fmt.protocol_valid(sample):
        facts.say(
            "label.beyond_protocol", "note", "an |angle| is above 99 degrees: benchmarks drop the picture"
        )
    _check_landmarks(sample, facts)
    return pixels, sample


def _check_landmarks(sample: Sample, facts: Facts) -> None:
    try:
        landmarks = native_landmarks(sample)
        if landmarks is None or sample.pose is None or sample.label_angles is None:
            return
        gap = agreement_deg(landmarks, sample.pose)
        facts.disagreement = convention.disagreements(sample.pose, sample.label_angles, landmarks)
    except LandmarkError as error:
        facts.say("landmarks.unusable", "warning", str(error))
        return
    facts.values["pose_landmark_deg"] = gap
    if gap > AGREEMENT_DEG:
        text = f"labelled pose and landmarks disagree by {gap:.0f} degrees; {AGREEMENT_DEG:g} are allowed"
        facts.say("label.disagrees", "error", text)
    width, height = sample.size
    x, y = landmarks.xy[landmarks.valid].T
    inside = (x >= -0.5) & (y >= -0.5) & (x <= width - 0.5) & (y <= height - 0.5)
    facts.values["landmarks_inside"] = float(inside.mean())
    if inside.mean() < 0.5:
        share = 100 * float(inside.mean())
        facts.say(
            "landmarks.outside", "warning", f"only {share:.0f} % of the landmarks lie inside the picture"
        )


def difference_hash(bgr: Pixels) -> int:
    """64 bits: whether each of 8 x 8 cells is brighter than its left neighbour; alike pictures share most."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits: NDArray[np.bool_] = (small[:, 1:] > small[:, :-1]).ravel()
    return int("".join("1" if b else "0" for b in bits), 2)
