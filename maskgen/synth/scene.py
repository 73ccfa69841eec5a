"""One picture to be taken: who, how they look, how they are turned, the light, the camera and the film."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..geometry.rotation import Array, rotation_z
from .camera import Camera, Orthographic, Pinhole
from .expression import Expression
from .light import Light
from .person import Person
from .skin import tone

if TYPE_CHECKING:
    from .truth import WornMask

#: px at the left, top, right and bottom of a picture
Edges = tuple[int, int, int, int]
NO_EDGES: Edges = (0, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class Scene:
    """head, body (3, 3): rotations of head and torso in the camera frame. size: (width, height) px.

    background: linear colour (h, w, 3), or None for black. detail: strands of hair are drawn.
    mask: a mask that is worn, or None.
    """

    person: Person
    expression: Expression
    head: Array
    body: Array
    camera: Camera
    light: Light
    size: tuple[int, int]
    background: NDArray[np.float32] | None = None
    detail: bool = True
    mask: WornMask | None = None

    def turned(self, theta_deg: float) -> Scene:
        """The same scene, the camera turned so that the picture turns counter-clockwise by ``theta_deg``.

        The head stays; under a pinhole the turn is about the principal point, else about the picture's
        middle.
        """
        turn = rotation_z(-theta_deg)
        if isinstance(self.camera, Pinhole):
            camera: Camera = replace(self.camera, translation=turn @ self.camera.translation)
        else:
            middle = (np.array(self.size) - 1) / 2.0
            x, y = middle + turn[:2, :2] @ (np.array(self.camera.offset) - middle)
            camera = Orthographic(self.camera.scale, (float(x), float(y)))
        return replace(
            self, head=turn @ self.head, body=turn @ self.body, camera=camera, light=self.light.turned(turn),
            background=None,
        )  # fmt: skip

    def cropped(self, edges: Edges) -> Scene:
        """The same without ``edges`` px at the left, top, right and bottom of the picture."""
        if not any(edges):
            return self
        left, top, right, bottom = edges
        width, height = self.size
        part = (
            None if self.background is None else self.background[top : height - bottom, left : width - right]
        )
        size = (width - left - right, height - top - bottom)
        return replace(self, camera=self.camera.cropped(left, top), size=size, background=part)


def white_balance(scene: Scene, strength: float = 0.6) -> NDArray[np.float64]:
    """Gains of red, green, blue (3,), mean 1, that take ``strength`` of the light's own colour back."""
    normals = np.array([[0, 0, -1], [0.6, 0, -0.8], [-0.6, 0, -0.8], [0, -0.6, -0.8]]) @ scene.head.T
    colour = scene.light.irradiance(normals).mean(axis=0)
    gain = (colour.mean() / np.maximum(colour, 1e-3)) ** strength
    return gain / gain.mean()


#: linear light that a bright side of the face should stay below, and how far the exposure gives in to that
_HIGHLIGHT, _GIVES_IN = 0.9, 0.8


def auto_exposure(scene: Scene, target: float) -> float:
    """Exposure that brings the face's mean linear light, if it were plain skin, to ``target``.

    Where a side of the face would burn out it is held back, as a camera's meter does. It depends on the light
    in the head's own frame alone, so that a turn of the camera leaves it as it is.
    """
    facing = np.array([[0, 0, -1], [0.5, 0, -0.86], [-0.5, 0, -0.86], [0, -0.5, -0.86], [0, 0.4, -0.9]])
    sides = np.array([[0.9, 0, -0.44], [-0.9, 0, -0.44], [0.6, -0.53, -0.6], [-0.6, -0.53, -0.6]])
    normals = np.concatenate([facing, sides]) @ scene.head.T
    light = scene.light.irradiance(normals)
    seen = normals[:, 2] < 0.25
    weight = np.where(seen, 1.0, 0.15)[:5, None]
    luma, albedo = np.array([0.30, 0.59, 0.11]), tone(scene.person.skin.melanin, 0.0)
    level = float(((light[:5] * weight).sum(0) / weight.sum() * luma) @ albedo**0.5)
    exposure = target / max(level, 1e-3)
    peak = exposure * float(((light * luma) @ albedo)[seen].max(initial=0.0))
    return exposure * min(_HIGHLIGHT / max(peak, 1e-3), 1.0) ** _GIVES_IN
