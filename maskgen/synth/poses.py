"""Which way heads are turned: distributions like the originals', even ones, and lists from a file."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..errors import UsageError
from ..io.files import read_given

Angles = tuple[float, float, float]

#: half ranges of "uniform": yaw, pitch, roll in degrees (docs/conventions.md, sections 3 to 5)
UNIFORM: dict[str, Angles] = {
    "300W-LP": (90.0, 45.0, 45.0),
    "AFLW2000": (90.0, 50.0, 45.0),
    "BIWI": (75.0, 60.0, 40.0),
}
#: share of AFLW2000 whose labels go beyond 99 degrees (31 of 2,000)
_BEYOND = 0.0155


def draw_angles(rng: np.random.Generator, layout: str, kind: str) -> Angles:
    """One pose (yaw, pitch, roll) in degrees. kind: "uniform" or "like-original"."""
    if kind == "uniform":
        yaw, pitch, roll = (float(rng.uniform(-half, half)) for half in UNIFORM[layout])
        return yaw, pitch, roll
    return _like_photographs(rng, beyond=_BEYOND if layout == "AFLW2000" else 0.0)


def _like_photographs(rng: np.random.Generator, beyond: float) -> Angles:
    """As measured on AFLW2000: two thirds within 30 degrees of yaw, spreads of pitch and roll growing with
    it."""
    if rng.random() < beyond:
        sign = 1.0 if rng.random() < 0.5 else -1.0
        return sign * float(rng.uniform(99.5, 125.0)), float(rng.normal(0, 15)), float(rng.normal(0, 15))
    band = rng.choice(3, p=[0.655, 0.19, 0.155])
    low, high = ((0.0, 30.0), (30.0, 60.0), (60.0, 90.0))[band]
    yaw = float(rng.uniform(low, high)) * (1.0 if rng.random() < 0.5 else -1.0)
    pitch = float(rng.normal(-6.0, (12.0, 15.0, 18.0)[band]))
    roll = float(rng.normal(-0.2 * np.sign(yaw) * abs(yaw) * 0.3, (11.0, 14.0, 17.0)[band]))
    return yaw, float(np.clip(pitch, -70.0, 70.0)), float(np.clip(roll, -75.0, 75.0))


def turned_views(first: Angles, count: int, rng: np.random.Generator) -> list[Angles]:
    """Yaw grows from the photo's to about 88 degrees, as in 300W-LP; pitch and roll waver."""
    yaw, pitch, roll = first
    sign = 1.0 if yaw >= 0.0 else -1.0
    out = [first]
    for k in range(1, count):
        t = k / max(count - 1, 1)
        at = abs(yaw) + (88.0 - abs(yaw)) * t
        out.append((sign * at, pitch + float(rng.normal(0, 2.5)), roll + float(rng.normal(0, 1.2))))
    return out


def motion(rng: np.random.Generator, count: int) -> list[Angles]:
    """A head that looks around in front of the camera, one pose a frame at about 30 frames a second.

    Sums of slow sines within the ranges of BIWI (docs/conventions.md, section 5). Frames are spread over the
    whole movement when there are few of them, as the gaps of the originals do.
    """
    seconds = max(count / 30.0, 12.0)
    t = np.linspace(0.0, seconds, count, endpoint=False)
    angles = []
    for reach, slow, bias in ((52.0, 0.11, 0.0), (36.0, 0.17, 4.0), (17.0, 0.13, -4.0)):
        wave = np.zeros(count)
        for octave in range(3):
            rate = slow * 1.9**octave * rng.uniform(0.8, 1.25)
            wave += 0.62**octave * np.sin(2 * np.pi * (rate * t + rng.random()))
        angles.append(bias + reach * rng.uniform(0.7, 1.1) * wave / 1.55)
    yaw, pitch, roll = np.clip(angles[0], -75, 75), np.clip(angles[1], -60, 75), np.clip(angles[2], -55, 42)
    return [(float(a), float(b), float(c)) for a, b, c in zip(yaw, pitch, roll, strict=True)]


def read_poses(path: Path) -> list[Angles]:
    """Poses from a text file: yaw, pitch, roll in degrees on each line, commas or spaces between.

    Empty lines and lines beginning with # are skipped. Raises UsageError naming the first wrong line.
    """
    try:
        text = read_given(path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--poses {path}: cannot be read as text ({error})") from error
    out: list[Angles] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = [w for part in next(csv.reader([line]), []) for w in part.split()]
        if not words or words[0].startswith("#"):
            continue
        out.append(_row(path, number, line, words))
    if not out:
        raise UsageError(f"--poses {path}: holds no pose; each line is yaw,pitch,roll in degrees")
    return out


def _row(path: Path, number: int, line: str, words: list[str]) -> Angles:
    try:
        values = [float(w) for w in words]
    except ValueError:
        values = []
    if len(values) != 3 or not np.isfinite(values).all() or max(map(abs, values)) > 180.0:
        shown = line.strip()[:60]
        raise UsageError(f"--poses {path}, line {number}: {shown!r} is not yaw,pitch,roll, each within +-180")
    return values[0], values[1], values[2]
