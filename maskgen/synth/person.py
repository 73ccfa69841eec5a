"""Who is in the picture: shape, skin, eyes, hair, glasses and clothes of one person, as plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .identity import MEASURES
from .skin import Skin

#: natural hair, linear colour: black, dark brown, brown, auburn, light brown, blond, red, grey, white
HAIR_COLOURS: dict[str, tuple[float, float, float]] = {
    "black": (0.010, 0.009, 0.009),
    "dark": (0.026, 0.016, 0.011),
    "brown": (0.062, 0.034, 0.020),
    "auburn": (0.105, 0.042, 0.020),
    "light": (0.165, 0.100, 0.055),
    "blond": (0.36, 0.24, 0.125),
    "red": (0.24, 0.075, 0.025),
    "grey": (0.25, 0.25, 0.25),
    "white": (0.56, 0.55, 0.53),
}
IRIS_COLOURS = {
    "brown": (0.075, 0.036, 0.016),
    "dark": (0.032, 0.018, 0.011),
    "hazel": (0.115, 0.078, 0.030),
    "green": (0.100, 0.125, 0.062),
    "blue": (0.125, 0.190, 0.275),
    "grey": (0.165, 0.185, 0.195),
}


@dataclass(frozen=True)
class Hair:
    """Hair on the head, brows and beard. style and beard: names of hair.py. Lengths are relative (1 =
    usual)."""

    style: str = "short"
    length: float = 1.0
    curl: float = 0.0
    recede: float = 0.0
    parting: float = 0.4
    volume: float = 1.0
    colour: tuple[float, float, float] = HAIR_COLOURS["dark"]
    beard: str = "none"
    beard_colour: tuple[float, float, float] = HAIR_COLOURS["dark"]
    brow: float = 0.6
    lashes: float = 0.6
    seed: int = 0


@dataclass(frozen=True)
class Eyes:
    """iris: linear colour. pupil and radius: mm. ring: dark rim of the iris, veins: redness, 0..1."""

    iris: tuple[float, float, float] = IRIS_COLOURS["brown"]
    pupil: float = 1.8
    ring: float = 0.6
    veins: float = 0.2
    radius: float = 5.9


@dataclass(frozen=True)
class Glasses:
    """Spectacles: kind "none", "round", "oval", "square", "aviator"; rim mm; colour linear; tint 0..1
    dark."""

    kind: str = "none"
    size: float = 1.0
    rim: float = 1.4
    colour: tuple[float, float, float] = (0.02, 0.02, 0.02)
    metal: bool = False
    tint: float = 0.0
    half_rim: bool = False
    slide: float = 0.0


@dataclass(frozen=True)
class Clothes:
    """kind: "crew", "vee", "shirt", "turtle", "jacket". pattern 0 plain, 1 and 2 stripes, 3 check, 4 dots,
    5 knit."""

    kind: str = "crew"
    colour: tuple[float, float, float] = (0.1, 0.12, 0.2)
    second: tuple[float, float, float] = (0.4, 0.4, 0.4)
    trim: tuple[float, float, float] = (0.5, 0.5, 0.5)
    pattern: int = 0
    size: float = 14.0


@dataclass(frozen=True, eq=False)
class Person:
    """shape: (len(MEASURES),) standard deviations; zeros are the mean head."""

    shape: NDArray[np.float32] = field(default_factory=lambda: np.zeros(len(MEASURES), np.float32))
    skin: Skin = field(default_factory=Skin)
    hair: Hair = field(default_factory=Hair)
    eyes: Eyes = field(default_factory=Eyes)
    glasses: Glasses = field(default_factory=Glasses)
    clothes: Clothes = field(default_factory=Clothes)
    teeth: float = 0.6
