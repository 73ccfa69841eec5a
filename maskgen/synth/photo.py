"""Portraits as 300W-LP and AFLW2000 have them: 450 x 450 crops about the face, under weak perspective."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.face import CANONICAL_FACE
from ..geometry.rotation import Array, euler_to_matrix
from .background import draw_background
from .camera import Orthographic, turned
from .draws import draw_expression, generator
from .figure import figure
from .film import Film, beyond_edges, develop, draw_film
from .light import draw_light
from .people import draw_person
from .poses import Angles
from .render import Rendered, render
from .scene import NO_EDGES, Edges, Scene, auto_exposure, white_balance

SIZE = 450
#: quality of the photos before they were cropped, and how common it is (tables of the Independent JPEG Group,
#: as found in photographs from the web), and that of every picture of 300W-LP and AFLW2000
SOURCE_QUALITY = {0: 0.35, 70: 0.08, 80: 0.15, 85: 0.15, 90: 0.17, 95: 0.10}
FINAL_QUALITY = 75


#: how many crops reach beyond the photo they were made from, which is black then; how many of these do so at
#: the left, top, right and bottom; and how far, px: quartiles, as measured on 906 pictures of AFLW2000
BEYOND = 0.58
BEYOND_SIDES = (0.51, 0.83, 0.48, 0.21)
BEYOND_PX = (12.0, 36.0, 62.0, 98.0, 150.0)


@dataclass(frozen=True)
class Shot:
    """One portrait. person: key of who it is; take: key of light, clothes, place and camera; frame: which
    view.

    first: the pose of the take's first view, which sets the size of the head.
    """

    person: str
    take: str
    frame: int
    angles: Angles
    first: Angles


def _frame(rng: np.random.Generator, angles: Angles, first: Angles) -> Orthographic:
    """The crop: the landmarks' box a little below the middle, as measured on AFLW2000."""
    box = turned(CANONICAL_FACE, euler_to_matrix(first))
    span = np.ptp(box[:, :2], axis=0)
    scale = float(np.clip(rng.normal(187.0, 13.0), 150.0, 225.0) / np.sqrt(span[0] * span[1]))
    centre = np.array([226.0, 273.0]) + rng.normal(0.0, (7.0, 7.5))
    now = turned(CANONICAL_FACE, euler_to_matrix(angles))
    middle = (now[:, :2].min(0) + now[:, :2].max(0)) / 2.0
    # profile heads lie further back than their landmarks: keep some of the skull in the picture
    x, y = centre - scale * middle
    return Orthographic(scale, (float(x), float(y)))


def draw_edges(rng: np.random.Generator, camera: Orthographic, angles: Angles, size: int) -> Edges:
    """Where the photo ends inside the crop: px at the left, top, right and bottom; the face stays in it."""
    if rng.random() > BEYOND:
        return NO_EDGES
    face = camera.to_pixels(CANONICAL_FACE @ euler_to_matrix(angles).T)[:, :2]
    room = np.concatenate([face.min(0), size - 1 - face.max(0)]) - 0.04 * size
    reach = np.interp(rng.random(4), np.linspace(0, 1, len(BEYOND_PX)), BEYOND_PX) * size / SIZE
    reach *= rng.random(4) < BEYOND_SIDES
    left, top, right, bottom = np.clip(np.minimum(reach, room), 0, None).astype(int).tolist()
    return (left, top, right, bottom)


def body_rotation(rng: np.random.Generator, angles: Angles) -> Array:
    """The torso follows the head part of the way, as far as a neck allows."""
    follow = rng.uniform(0.35, 0.95)
    yaw, pitch, roll = angles
    left = np.clip(yaw * (1 - follow) + rng.normal(0, 6), -52, 52)
    nod = np.clip(pitch * rng.uniform(0.55, 1.0), -32, 32)
    tilt = np.clip(roll * rng.uniform(0.3, 0.9), -26, 26)
    return euler_to_matrix([yaw - left, pitch - nod, roll - tilt])


def compose(seed: int, shot: Shot, size: int = SIZE) -> tuple[Scene, Film, float]:
    """The scene of a shot, its film, and its exposure."""
    person = draw_person(generator(seed, "person", shot.person))
    light = draw_light(generator(seed, "light", shot.take))
    expression = draw_expression(generator(seed, "expression", shot.take))
    camera = _frame(generator(seed, "frame", shot.take), shot.angles, shot.first)
    if size != SIZE:
        k = size / SIZE
        x, y = ((np.array(camera.offset) + 0.5) * k - 0.5).tolist()
        camera = Orthographic(camera.scale * k, (x, y))
    place = generator(seed, "background", shot.take)
    head = euler_to_matrix(shot.angles)
    body = body_rotation(generator(seed, "body", shot.take), shot.angles)
    background = draw_background(place, size, size)
    scene = Scene(person, expression, head, body, camera, light, (size, size), background)
    rng = generator(seed, "film", shot.take)
    film = replace(
        draw_film(rng, size), seed=int(generator(seed, "grain", shot.take, shot.frame).integers(2**31))
    )
    target = float(np.exp(rng.normal(np.log(0.56), 0.30)))
    first = replace(scene, head=euler_to_matrix(shot.first))
    gain = white_balance(first, float(rng.uniform(0.35, 0.9))) * film.cast
    edges = draw_edges(generator(seed, "edges", shot.take), camera, shot.angles, size)
    film = replace(film, cast=(float(gain[0]), float(gain[1]), float(gain[2])), edges=edges)
    return scene, film, auto_exposure(first, target)


def quality(seed: int, take: str) -> int:
    """JPEG quality of the photo a crop was made from; 0 for none."""
    rng = generator(seed, "quality", take)
    return int(rng.choice(list(SOURCE_QUALITY), p=list(SOURCE_QUALITY.values())))


def through_jpeg(bgr: NDArray[np.uint8], level: int) -> NDArray[np.uint8]:
    """The picture after one JPEG compression; level 0 leaves it as it is."""
    if level == 0:
        return bgr
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, level])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def jpeg_bytes(bgr: NDArray[np.uint8], level: int = FINAL_QUALITY) -> bytes:
    """A JPEG file with the tables and the 4:2:0 sampling of the originals."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, level, *sampling])
    assert done
    return data.tobytes()


@dataclass(frozen=True, eq=False)
class Photo:
    """A finished portrait: pixels (h, w, 3) uint8 BGR, the scene it shows, and what the renderer knows.

    edges: px at the left, top, right and bottom beyond the photo; of ``rendered`` the landmarks count from
    the picture's corner, the images show what is inside the edges.
    """

    bgr: NDArray[np.uint8]
    scene: Scene
    rendered: Rendered
    edges: Edges = NO_EDGES

    @classmethod
    def unseen(cls, scene: Scene) -> Photo:
        """The geometry and the labels of a scene, without a picture."""
        fig = figure(replace(scene, detail=False))
        marks = scene.camera.to_pixels(turned(fig.landmarks, scene.head))
        none = np.zeros((0, 0, 3), np.float32)
        return cls(
            np.zeros((0, 0, 3), np.uint8),
            scene,
            Rendered(none, none, none[..., 0], marks, fig.landmarks, fig),
        )


def take_photo(seed: int, shot: Shot, scene: Scene, film: Film, exposure: float) -> Photo:
    """Render and develop; the same film grain whether or not a mask is worn."""
    rendered = render(scene.cropped(film.edges))
    marks = scene.camera.to_pixels(turned(rendered.points, scene.head))
    bgr = develop(rendered.linear, exposure, film, cut=film.edges)
    bgr = through_jpeg(bgr, quality(seed, shot.take))
    return Photo(beyond_edges(bgr, film.edges), scene, replace(rendered, landmarks=marks), film.edges)
