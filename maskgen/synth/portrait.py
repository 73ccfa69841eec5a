"""One person who is nobody, in studio light, from any side: what masks are shown on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..geometry.face import CANONICAL_FACE
from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from ..geometry.rotation import euler_to_matrix
from .camera import Orthographic, turned
from .expression import Expression
from .film import Film, develop
from .identity import MEASURES
from .light import Light, surroundings
from .person import HAIR_COLOURS, IRIS_COLOURS, Clothes, Eyes, Hair, Person
from .render import render
from .scene import Scene, auto_exposure
from .skin import Skin

#: standard deviations from the mean head
_SHAPE = {"upper_lip_full": 0.6, "lower_lip_full": 0.5, "jaw_wide": -0.5, "eye_large": 0.4, "brow_high": 0.3}
#: mean linear light of the face, and the wall behind it
_EXPOSURE, _WALL = 0.55, (0.40, 0.42, 0.44)


def _person() -> Person:
    shape = np.zeros(len(MEASURES), np.float32)
    for name, deviations in _SHAPE.items():
        shape[MEASURES.index(name)] = deviations
    return Person(
        shape=shape,
        skin=Skin(melanin=0.22),
        hair=Hair(style="tied", colour=HAIR_COLOURS["dark"], brow=0.45, seed=3),
        eyes=Eyes(iris=IRIS_COLOURS["hazel"]),
        clothes=Clothes(kind="crew", colour=(0.05, 0.06, 0.08)),
    )


def _studio() -> Light:
    """A large lamp at the upper left, a weaker one at the right, and a bright room."""
    key = [-0.42, -0.45, -0.79, 0.62, 0.60, 0.57, 1.0]
    fill = [0.75, -0.20, -0.63, 0.16, 0.17, 0.18, 0.0]
    room = surroundings(np.array([0.24, 0.24, 0.25]), [(np.array([0.0, -1.0, 0.0]), np.full(3, 0.25))])
    return Light(np.array([key, fill], np.float32), room, 12.0)


def portrait(
    yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, size: int = 300
) -> tuple[NDArray[np.uint8], Landmarks, HeadPose]:
    """Picture (size, size, 3) uint8 BGR of the person, their 68 landmarks in pixels, and their pose.

    yaw, pitch, roll: degrees (conventions, section 1). The same arguments give the same picture.
    """
    angles = yaw, pitch, roll
    head, body = euler_to_matrix(angles), euler_to_matrix((0.6 * yaw, 0.6 * pitch, 0.4 * roll))
    scale = size / 285.0
    # the face in the middle, whichever way it looks, and the top of the head in the picture
    front = turned(CANONICAL_FACE, head)
    x, y = (front[:, :2].min(0) + front[:, :2].max(0)) / 2.0
    camera = Orthographic(scale, (size * 0.5 - scale * x, size * 0.56 - scale * y))
    across = np.linspace(1.12, 0.82, size, dtype=np.float32)[None, :, None]
    wall = np.ascontiguousarray(across * np.array(_WALL, np.float32) + np.zeros((size, 1, 1), np.float32))
    person, light, still = _person(), _studio(), Expression()
    scene = Scene(person, still, head, body, camera, light, (size, size), wall)
    level = auto_exposure(replace(scene, head=np.eye(3)), _EXPOSURE)
    rendered = render(scene)
    image = develop(rendered.linear, level, Film(blur=0.5 * size / 300.0, noise=1.2, contrast=1.25, seed=5))
    marks = scene.camera.to_pixels(turned(rendered.points, head))
    return image, Landmarks.of(marks, "portrait"), HeadPose.from_euler(yaw, pitch, roll)
