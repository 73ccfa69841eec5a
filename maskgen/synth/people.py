"""Draw a person at random: what goes with sex, age, weight and skin, and what varies by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .draws import held, pick
from .identity import ASYMMETRY, MEASURES
from .person import HAIR_COLOURS, IRIS_COLOURS, Clothes, Eyes, Glasses, Hair, Person
from .skin import Skin

#: what a man's face has more of than a woman's, in standard deviations between the means
_SEX = {
    "brow_ridge": 1.5,
    "jaw_wide": 0.9,
    "jaw_drop": 0.7,
    "chin_front": 0.5,
    "chin_wide": 0.9,
    "chin_long": 0.5,
    "neck_wide": 1.7,
    "larynx": 1.9,
    "nose_long": 0.5,
    "nose_front": 0.6,
    "nose_wide": 0.5,
    "bridge_wide": 0.6,
    "lower_height": 0.6,
    "forehead_slope": 0.9,
    "forehead_round": -0.8,
    "cheek_flesh": -0.7,
    "brow_high": -1.0,
    "face_width": 0.6,
    "eye_large": -0.6,
    "eye_open": -0.5,
    "upper_lip_full": -0.7,
    "lower_lip_full": -0.5,
    "shoulders_wide": 1.6,
    "skull_width": 0.4,
    "mouth_wide": 0.4,
    "temple_full": -0.2,
    "nose_hump": 0.5,
    "tip_up": -0.5,
}
#: what grows or sags with age, from 20 to 70 years
_AGE = {
    "jowl": 1.6,
    "under_chin": 1.0,
    "eye_bag": 1.6,
    "lid_hooded": 1.2,
    "ear_large": 0.9,
    "ear_lobe": 1.2,
    "nose_long": 0.6,
    "upper_lip_full": -1.2,
    "lower_lip_full": -0.6,
    "cheek_flesh": -0.6,
    "mouth_corner_up": -0.6,
}
_HEAVY = {
    "cheek_flesh": 1.3,
    "jowl": 0.9,
    "under_chin": 1.4,
    "neck_wide": 1.1,
    "neck_front": 0.9,
    "chin_cleft": -0.3,
    "cheekbone_wide": -0.3,
    "temple_full": 0.6,
    "face_width": 0.6,
    "eye_bag": 0.3,
}


def _rgb(values: NDArray) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def draw_shape(
    rng: np.random.Generator, male: float, age: float, heavy: float, melanin: float
) -> NDArray[np.float32]:
    """A random shape. male and heavy -1..1, age 0 (20 years) .. 1 (70), melanin as in Skin."""
    shape = rng.normal(0.0, 0.8, len(MEASURES))
    for table, weight in ((_SEX, 0.8 * male - 0.15), (_AGE, age), (_HEAVY, heavy)):
        for name, amount in table.items():
            shape[MEASURES.index(name)] += weight * amount
    # broad groups of features that vary together, whatever the skin
    width, eyes = rng.normal(0, 0.5), rng.normal(0, 0.6)
    groups = {
        "nose_wide": width + 0.9 * (melanin - 0.3),
        "bridge_high": -0.8 * width - 0.5 * (melanin - 0.3),
        "upper_lip_full": 1.2 * (melanin - 0.3) + 0.3 * width,
        "lower_lip_full": 1.1 * (melanin - 0.3),
        "lips_front": 0.9 * (melanin - 0.3) + 0.2 * width,
        "lid_hooded": eyes,
        "lid_inner_fold": max(eyes, 0.0),
        "eye_tilt": 0.5 * eyes,
        "eye_deep": -0.5 * eyes,
        "cheekbone_wide": 0.5 * eyes,
    }
    for name, amount in groups.items():
        shape[MEASURES.index(name)] += amount
    shape[[MEASURES.index(name) for name in ASYMMETRY]] *= 0.6
    return np.clip(shape, -2.6, 2.6).astype(np.float32)


def _hair_colour(rng: np.random.Generator, melanin: float, age: float) -> NDArray[np.float64]:
    light = max(0.0, 1.0 - 2.4 * melanin)
    weights = {
        "black": 0.12 + 1.6 * melanin,
        "dark": 0.35 + 0.3 * melanin,
        "brown": 0.1 + 0.28 * light,
        "auburn": 0.03 + 0.06 * light,
        "light": 0.01 + 0.2 * light,
        "blond": 0.01 + 0.18 * light,
        "red": 0.04 * light,
    }
    colour = np.array(HAIR_COLOURS[pick(rng, weights)]) * np.exp(rng.normal(0, 0.18))
    grey = np.clip(rng.normal(1.7 * (age - 0.55), 0.3), 0.0, 1.0)
    target = np.array(HAIR_COLOURS["grey" if rng.random() < 0.6 else "white"])
    return colour + (target - colour) * grey


def _draw_hair(rng: np.random.Generator, male: float, age: float, melanin: float, colour: NDArray) -> Hair:
    man = male > 0.0
    styles = (
        {
            "short": 0.34,
            "crop": 0.20,
            "side": 0.17,
            "back": 0.09,
            "buzz": 0.10,
            "bald": 0.05,
            "fringe": 0.08,
            "bob": 0.03,
            "afro": 0.01 + 0.14 * melanin,
        }
        if man
        else {
            "long": 0.34,
            "bob": 0.20,
            "tied": 0.18,
            "fringe_long": 0.14,
            "short": 0.05,
            "side": 0.03,
            "afro": 0.01 + 0.16 * melanin,
            "bun": 0.06,
        }
    )
    if man and age > 0.5:
        styles["bald"] += 0.25 * age
    style = pick(rng, styles)
    beards = {"none": 0.55, "stubble": 0.20, "short": 0.12, "full": 0.06, "goatee": 0.05, "moustache": 0.03}
    beard = pick(rng, beards) if man else "none"
    curl = held(rng.normal(0.15 + 0.9 * max(melanin - 0.55, 0), 0.25), 0, 1) if style != "afro" else 1.0
    return Hair(
        style=style,
        length=float(np.exp(rng.normal(0, 0.18))),
        curl=curl,
        recede=held(rng.normal(0.1 + 0.7 * age * man, 0.3), -0.2, 1.2),
        parting=float(rng.uniform(-1, 1)),
        volume=float(np.exp(rng.normal(0, 0.25))),
        colour=_rgb(colour),
        beard=beard,
        beard_colour=_rgb(colour * np.exp(rng.normal(0.05, 0.15))),
        brow=held(rng.normal(0.42 + 0.24 * male, 0.16), 0.05, 1.0),
        lashes=held(rng.normal(0.45 - 0.35 * male, 0.15), 0.1, 1.0),
        seed=int(rng.integers(2**31)),
    )


def _draw_skin(rng: np.random.Generator, male: float, age: float, melanin: float, hair: Hair) -> Skin:
    made_up = male < 0 and rng.random() < 0.45
    shade = {"none": 0.06, "stubble": 0.42, "short": 0.5, "full": 0.5, "goatee": 0.2, "moustache": 0.15}[
        hair.beard
    ]
    dark_hair = held(1.2 - 4.0 * float(np.mean(hair.beard_colour)), 0.2, 1.0)
    stick = _rgb(np.array([0.36, 0.085, 0.09]) * np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.18, 3)))
    scalp = {"bald": float(rng.uniform(0.0, 0.12)), "buzz": 0.55, "crop": 0.85}.get(hair.style, 0.95)
    return Skin(
        melanin=melanin,
        hue=float(rng.normal(0.0, 0.5)),
        blush=held(rng.normal(0.55, 0.25), 0, 1.3),
        blotches=held(rng.normal(0.4, 0.2), 0.05, 1),
        freckles=held(rng.normal(-0.2, 0.35), 0, 1),
        pores=held(rng.normal(0.5 + 0.2 * male, 0.2), 0, 1),
        oil=held(rng.normal(0.45, 0.2), 0, 1),
        age=age,
        sockets=held(rng.normal(0.4 + 0.25 * age, 0.2), 0, 1.2),
        lip_colour=held(rng.normal(0.5 - 0.15 * male, 0.25), 0, 1),
        lipstick=(*stick, float(rng.uniform(0.2, 0.7)) if made_up else 0.0),
        eyeliner=float(rng.uniform(0.35, 0.85)) if made_up else held(rng.normal(0.26, 0.1), 0.05, 0.5),
        beard_shadow=(shade + float(rng.uniform(0, 0.15))) * dark_hair if male > 0 else 0.0,
        brow=0.35 * hair.brow,
        scalp=scalp,
        hair=hair.colour,
        seed=int(rng.integers(2**31)),
    )


def _draw_eyes(rng: np.random.Generator, melanin: float) -> Eyes:
    light = max(0.0, 1.0 - 2.6 * melanin)
    name = pick(
        rng,
        {
            "brown": 0.5,
            "dark": 0.15 + melanin,
            "hazel": 0.14 * (light + 0.1),
            "green": 0.12 * light,
            "blue": 0.32 * light,
            "grey": 0.12 * light,
        },
    )
    iris = np.array(IRIS_COLOURS[name]) * np.exp(rng.normal(0, 0.15, 3))
    return Eyes(
        _rgb(iris),
        float(rng.uniform(1.3, 2.5)),
        float(rng.uniform(0.3, 0.9)),
        float(rng.uniform(0, 0.6)),
        float(rng.normal(5.9, 0.15)),
    )


def _draw_glasses(rng: np.random.Generator, age: float) -> Glasses:
    if rng.random() > 0.16 + 0.12 * age:
        return Glasses()
    sun = rng.random() < 0.12
    metal = bool(rng.random() < 0.4)
    grey = float(rng.uniform(0.15, 0.6))
    colours = [
        (0.015, 0.015, 0.017),
        (0.06, 0.025, 0.012),
        (0.02, 0.03, 0.08),
        (0.12, 0.02, 0.02),
        (0.3, 0.28, 0.25),
    ]
    colour = (grey, grey * 0.95, grey * 0.85) if metal else colours[int(rng.integers(len(colours)))]
    kind = pick(rng, {"square": 0.45, "oval": 0.3, "round": 0.15, "aviator": 0.4 if sun else 0.06})
    return Glasses(
        kind,
        float(rng.normal(1.0, 0.06)),
        float(rng.uniform(0.7, 1.1) if metal else rng.uniform(1.2, 2.4)),
        colour,
        metal,
        float(rng.uniform(0.75, 0.97)) if sun else float(rng.uniform(0, 0.06)),
        bool(rng.random() < 0.15 and not sun),
        held(rng.normal(0, 1.2), -1.5, 4),
    )


def _draw_clothes(rng: np.random.Generator, male: float) -> Clothes:
    kind = pick(rng, {"crew": 0.36, "vee": 0.16, "shirt": 0.24, "turtle": 0.08, "jacket": 0.16})

    def dye() -> NDArray:
        hue = float(
            rng.choice([rng.normal(0.02, 0.05), rng.normal(0.6, 0.05), rng.random()], p=[0.3, 0.45, 0.25])
        )
        strength, value = rng.beta(1.2, 2.8), rng.beta(1.0, 2.2) * 0.7 + 0.012
        wheel = 0.5 + 0.5 * np.cos(2 * np.pi * (hue - np.array([0.0, 1 / 3, 2 / 3])))
        return np.clip(value * (1 - strength + strength * 1.6 * wheel), 0.008, 0.85)

    first, second = dye(), dye()
    if kind == "jacket":
        first = first * 0.35
    pattern = int(rng.choice(6, p=[0.62, 0.1, 0.06, 0.07, 0.03, 0.12]))
    trim = (
        np.full(3, rng.uniform(0.5, 0.75))
        if kind in ("jacket", "shirt") and rng.random() < 0.6
        else first * 0.85
    )
    return Clothes(kind, _rgb(first), _rgb(second), _rgb(trim), pattern, float(np.exp(rng.uniform(1.6, 3.6))))


def draw_person(rng: np.random.Generator) -> Person:
    """A random person."""
    male = held(rng.choice([-1.0, 1.0]) * rng.normal(1.0, 0.25), -1.5, 1.5)
    age = held(rng.beta(1.3, 2.2), 0.0, 1.0)
    heavy = held(rng.normal(-0.1, 0.6), -1.3, 1.8)
    melanin = held(
        rng.choice(
            [rng.normal(0.16, 0.09), rng.normal(0.42, 0.12), rng.normal(0.78, 0.12)], p=[0.56, 0.26, 0.18]
        ),
        0.0,
        1.0,
    )
    shape = draw_shape(rng, male, age, heavy, melanin)
    hair = _draw_hair(rng, male, age, melanin, _hair_colour(rng, melanin, age))
    return Person(
        shape,
        _draw_skin(rng, male, age, melanin, hair),
        hair,
        _draw_eyes(rng, melanin),
        _draw_glasses(rng, age),
        _draw_clothes(rng, male),
        float(rng.uniform(0.2, 1.0)),
    )
