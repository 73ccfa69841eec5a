"""BIWI's rig: a depth camera and a colour camera in front of a sitting person (docs/conventions.md, section
5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..geometry.camera import Calibration
from ..geometry.face import BIWI_FROM_CANONICAL
from ..geometry.rotation import Array, euler_to_matrix
from .background import draw_background
from .camera import Pinhole
from .draws import generator
from .expression import Expression
from .film import Film
from .light import draw_light
from .people import draw_person
from .person import Glasses, Person
from .poses import Angles
from .scene import Scene, auto_exposure

SIZE = (640, 480)
DEPTH_CAMERA = Calibration(
    np.array([[575.816, 0, 320], [0, 575.816, 240], [0, 0, 1]]), np.eye(3), np.zeros(3), SIZE
)
_RGB = np.array([[517.679, 0, 320], [0, 517.679, 240.5], [0, 0, 1]])
#: the colour camera of sequences 01-05 and 07-14, as printed in their rgb.cal
_FIRST_RIG = Calibration(
    _RGB,
    np.array(
        [
            [0.999947, 0.00432361, 0.00929419],
            [-0.00446314, 0.999877, 0.0150443],
            [-0.009228, -0.015085, 0.999844],
        ]
    ),
    np.array([-24.0198, 5.8896, -13.2308]),
    SIZE,
)
#: that of sequences 06 and 15-24; the translation is not known, and is this program's own
_SECOND_RIG = Calibration(
    _RGB,
    np.array(
        [[0.999984, -0.000033, -0.005707], [0.000178, 0.999678, 0.025359], [0.005704, -0.02536, 0.999662]]
    ),
    np.array([-24.5117, 2.4073, -8.9061]),
    SIZE,
)


def colour_camera(sequence: int) -> Calibration:
    """rgb.cal of a sequence, 1 to 24."""
    return _SECOND_RIG if sequence == 6 or sequence >= 15 else _FIRST_RIG


def printed(values: NDArray) -> Array:
    """Numbers as six significant digits keep them: the truth is what the file says."""
    return np.vectorize(lambda v: float(f"{v:.6g}"))(np.asarray(values, np.float64))


@dataclass(frozen=True)
class Moment:
    """One frame: the sequence's number, the frame's number, the pose, and the head's place (mm, depth
    camera)."""

    sequence: int
    frame: int
    angles: Angles
    centre: tuple[float, float, float]
    blink: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)

    def pose(self) -> tuple[Array, Array]:
        """Rotation (3, 3) and head centre (3,) as pose.txt prints them."""
        return printed(euler_to_matrix(self.angles)), printed(np.array(self.centre))


def sitter(seed: int, sequence: int) -> Person:
    """The person of a sequence; few wear glasses, none dark ones."""
    person = draw_person(generator(seed, "sitter", sequence))
    if person.glasses.tint > 0.3:
        person = replace(person, glasses=Glasses())
    return person


def _scene(moment: Moment, person: Person, camera: Calibration) -> Scene:
    rotation, centre = moment.pose()
    head = camera.rotation @ rotation
    turn, shift = BIWI_FROM_CANONICAL
    place = camera.from_reference(centre) + head @ shift
    yaw, _, roll = moment.angles
    body = euler_to_matrix(
        [np.clip(yaw * 0.18, -12, 12) + np.clip(yaw - np.clip(yaw, -58, 58), -30, 30), 3.0, 0.1 * roll]
    )
    light = draw_light(generator(0, "none"))
    expression = Expression(blink=(moment.blink, moment.blink), gaze=moment.gaze)
    pinhole = Pinhole(camera.intrinsics, place)
    return Scene(person, expression, head @ turn, camera.rotation @ body, pinhole, light, SIZE)


def depth_scene(seed: int, moment: Moment) -> Scene:
    """What the depth camera sees."""
    return _scene(moment, sitter(seed, moment.sequence), DEPTH_CAMERA)


def colour_scene(seed: int, moment: Moment) -> tuple[Scene, Film, float]:
    """What the colour camera sees, its film, and its exposure: place and light are the sequence's."""
    scene = _scene(moment, sitter(seed, moment.sequence), colour_camera(moment.sequence))
    background = draw_background(generator(seed, "office", moment.sequence), *SIZE, kinds=("room", "wall"))
    light = draw_light(generator(seed, "lamp", moment.sequence), kinds=("ceiling", "window", "overcast"))
    scene = replace(scene, background=background, light=light)
    rng = generator(seed, "kinect", moment.sequence)
    cast = np.exp(rng.normal(0, 0.03, 3))
    film = Film(
        blur=0.55, noise=float(rng.uniform(2.0, 4.0)), coarse=0.6, contrast=float(rng.uniform(0.85, 1.0)),
        saturation=float(rng.uniform(0.8, 1.05)), cast=(float(cast[0]), float(cast[1]), float(cast[2])),
        seed=int(generator(seed, "grain", moment.sequence, moment.frame).integers(2**31)),
    )  # fmt: skip
    upright = replace(scene, head=np.eye(3))
    return scene, film, auto_exposure(upright, float(rng.uniform(0.32, 0.5)))
