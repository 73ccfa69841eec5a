"""Random numbers by name: every decision about a picture has a generator of its own, keyed by seed and names.

So the order of work, the number of workers and decisions added later leave every other draw as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from .expression import LINEAR, Expression

_MOODS = {
    "rest": 0.36,
    "smile": 0.27,
    "laugh": 0.09,
    "talk": 0.13,
    "pout": 0.04,
    "frown": 0.07,
    "surprise": 0.04,
}


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of the decision ``names`` under ``seed``; the same arguments give the same stream."""
    text = "\0".join(["maskgen.synth", str(seed), *map(str, names)]).encode()
    return np.random.Generator(
        np.random.PCG64(int.from_bytes(hashlib.blake2b(text, digest_size=16).digest()))
    )


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One of the names, as likely as its weight: what ``rng.choice`` would give, in a tenth of its time."""
    share = np.array(list(weights.values()), np.float64)
    total = (share / share.sum()).cumsum()
    return list(weights)[int(np.searchsorted(total / total[-1], rng.random(), side="right"))]


def held(value: float, low: float, high: float) -> float:
    """The number, held between two others; NumPy's own takes five times as long for one number."""
    return float(min(max(value, low), high))


def draw_expression(rng: np.random.Generator) -> Expression:
    """What a face does in a photograph: most rest or smile, some talk, frown or raise their brows."""
    mood = pick(rng, _MOODS)
    value = dict.fromkeys(LINEAR, 0.0) | {"jaw": 0.0}
    if mood == "smile":
        value |= {
            "smile": rng.uniform(0.25, 0.95),
            "squint": rng.uniform(0, 0.6),
            "jaw": max(rng.normal(0, 0.05), 0),
        }
    elif mood == "laugh":
        value |= {
            "smile": rng.uniform(0.6, 1.0),
            "jaw": rng.uniform(0.12, 0.45),
            "squint": rng.uniform(0.2, 0.9),
        }
        value |= {"lip_raise": rng.uniform(0.1, 0.6)}
    elif mood == "talk":
        value |= {
            "jaw": rng.beta(1.5, 4.0),
            "pout": max(rng.normal(0, 0.3), 0),
            "lip_lower": rng.uniform(0, 0.6),
        }
    elif mood == "pout":
        value |= {"pout": rng.uniform(0.3, 0.9), "puff": max(rng.normal(0, 0.3), 0)}
    elif mood == "frown":
        value |= {
            "brow_down": rng.uniform(0.3, 1.0),
            "frown_mouth": rng.uniform(0, 0.8),
            "squint": rng.uniform(0, 0.5),
        }
        value |= {"nose_wrinkle": max(rng.normal(0, 0.3), 0)}
    elif mood == "surprise":
        value |= {"brow_up": rng.uniform(0.5, 1.0), "jaw": rng.uniform(0.1, 0.6)}
    value["brow_up"] = max(value["brow_up"], rng.normal(-0.1, 0.25))
    value["brow_inner"] = max(0.0, rng.normal(-0.1, 0.2))
    closed = rng.random() < 0.035
    lid = 1.0 if closed else held(abs(rng.normal(0.0, 0.10)) - 0.05 * (mood == "surprise"), -0.1, 0.6)
    close = 1.0 if rng.random() < 0.7 else float(rng.uniform(0.0, 1.0))
    return Expression(
        **{name: held(v, 0.0, 1.0) for name, v in value.items()}, close=close, blink=(lid, lid),
        gaze=(held(rng.normal(0, 9), -25, 25), held(rng.normal(1, 5), -14, 14)),
    )  # fmt: skip
