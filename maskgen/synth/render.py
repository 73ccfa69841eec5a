"""Take the picture: rasterise the figure, cast the shadow, shade, and lay it over the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import turned
from .figure import Figure, figure
from .lenses import lay_lenses
from .light import SHARPNESS, shadow_frame, shadow_map
from .raster import SAMPLES, draw_triangles, moved, new_buffers
from .resolve import HAIR_BASE, pack, resolve
from .scene import Scene
from .skin import bake
from .strands import draw_strands, light_strands, nearest_first
from .texels import WORDS

#: half the width of the region the shadow map covers, mm
_SHADOW_REACH = 205.0
#: standard deviation of the filter over strands of hair, px
_HAIR_FILTER = 0.85
_NO_FABRIC = np.zeros((2, 2, WORDS), np.uint32)


@dataclass(frozen=True, eq=False)
class Rendered:
    """linear (h, w, 3): linear light, red green blue, background included, before the film.

    cover (h, w, 3): coverage by anything, by skin, by the mask's fabric. landmarks (68, 3): pixels and depth
    mm, exact. points: the 68 landmarks (68, 3) mm in the head frame. depth: mm at every sample, inf where
    empty.
    """

    linear: NDArray[np.float32]
    cover: NDArray[np.float32]
    depth: NDArray[np.float32]
    landmarks: NDArray[np.float64]
    points: NDArray[np.float64]
    figure: Figure


def render(scene: Scene) -> Rendered:
    """Render a scene. Light, labels and geometry are exact; film.py adds what a camera does to it."""
    fig = figure(scene)
    width, height = scene.size
    ids, depth = new_buffers(width, height)
    flat = scene.camera.to_samples(fig.points, SAMPLES)
    draw_triangles(flat, fig.triangles, 0, ids, depth, fig.solid)
    lamp = scene.light.lamps[0]
    frame, offset = shadow_frame(lamp[:3], scene.head @ np.array([0.0, -10.0, 90.0]), _SHADOW_REACH)
    shadow_at = moved(fig.points, frame, offset)
    hair_rgb = np.zeros((1, 3), np.float32)
    hair_shadow = None
    strands = fig.strands
    if strands is not None and len(strands.points):
        hair_shadow = moved(strands.points, frame, offset)
    shadow = shadow_map(shadow_at, fig.triangles, hair_shadow, scene.light.softness, _SHADOW_REACH,
                        fig.solid)  # fmt: skip
    if strands is not None and hair_shadow is not None:
        seen = scene.camera.to_samples(strands.points, SAMPLES)
        per_mm = scene.camera.pixels_per_mm(60.0) * SAMPLES
        order = nearest_first(seen[:, 2], strands.starts)
        draw_strands(seen, strands.starts, strands.width * np.float32(per_mm), ids, depth, HAIR_BASE, order)
        hair_rgb = light_strands(strands, ids, HAIR_BASE, scene.light, shadow, hair_shadow, SHARPNESS)
    person = scene.person
    rgb = np.zeros((height, width, 3), np.float32) if scene.background is None else scene.background.copy()
    cover = np.zeros((height, width, 3), np.float32)
    expression = scene.expression
    skin_map = bake(person.skin, expression.smile, expression.brow_up, expression.brow_down)
    white = 1.0 - 0.5 * person.skin.melanin  # dark eyes' whites have melanin, too
    eyes, clothes, glasses = person.eyes, person.clothes, person.glasses
    camera = scene.camera
    resolve(
        ids, depth, fig.triangles, fig.material,
        pack(flat, fig.normals, shadow_at, fig.attributes, fig.points),
        scene.head[:, 1].astype(np.float32), np.array([camera.focal, *camera.middle], np.float32), skin_map,
        _NO_FABRIC if scene.mask is None else scene.mask.texture,
        np.array([*eyes.iris, eyes.pupil, eyes.ring, eyes.veins, eyes.radius, white], np.float32),
        np.array((*clothes.colour, *clothes.second, clothes.pattern, clothes.size, *clothes.trim), "f4"),
        np.array([*glasses.colour, 0.25 if glasses.metal else 0.4], np.float32), np.float32(person.teeth),
        scene.light.lamps, scene.light.sh, shadow, np.float32(SHARPNESS), hair_rgb, rgb, cover,
    )  # fmt: skip
    if len(hair_rgb) > 1:
        _soften_hair(rgb, ids)
    if fig.lenses is not None:
        seen_lenses = scene.camera.to_pixels(fig.lenses.reshape(-1, 3))
        lay_lenses(rgb, depth, fig.lenses, seen_lenses, glasses.tint, scene.light)
    landmarks = scene.camera.to_pixels(turned(fig.landmarks, scene.head))
    return Rendered(rgb, cover, depth, landmarks, fig.landmarks, fig)


def _soften_hair(rgb: NDArray[np.float32], ids: NDArray[np.int32]) -> None:
    """Blur, in place, where hair is, and only there.

    A strand is thinner than the distance of the samples, so each sample hits or misses it: a pixel's own
    four samples leave it jagged, and a wider filter is what more samples would give.
    """
    hair = (ids >= HAIR_BASE).view(np.uint8)
    x, y, w, h = (int(v) for v in cv2.boundingRect(hair))
    if w == 0:
        return
    x0, y0 = max(x // SAMPLES - 3, 0), max(y // SAMPLES - 3, 0)
    x1, y1 = (x + w) // SAMPLES + 4, (y + h) // SAMPLES + 4
    part = rgb[y0:y1, x0:x1]
    part_hair = hair[y0 * SAMPLES : y1 * SAMPLES, x0 * SAMPLES : x1 * SAMPLES] * np.uint8(255)
    share = cv2.resize(part_hair, part.shape[1::-1], interpolation=cv2.INTER_AREA)
    weight = cv2.GaussianBlur(share, (5, 5), _HAIR_FILTER).astype(np.float32) * np.float32(1.6 / 255.0)
    np.minimum(weight, np.float32(1.0), out=weight)
    smooth = cv2.GaussianBlur(part, (5, 5), _HAIR_FILTER)
    part += cv2.multiply(cv2.subtract(smooth, part), cv2.merge([weight, weight, weight]))


def depth_image(scene: Scene) -> NDArray[np.float32]:
    """Depth (h, w) mm at the pixel centres of the scene's camera, inf where nothing is: one sample a
    pixel."""
    fig = figure(scene)
    ids, depth = new_buffers(*scene.size, samples=1)
    draw_triangles(scene.camera.to_samples(fig.points, 1), fig.triangles, 0, ids, depth, fig.solid)
    if fig.strands is not None:
        thick = fig.strands.width * np.float32(scene.camera.pixels_per_mm(60.0))
        seen = scene.camera.to_samples(fig.strands.points, 1)
        order = nearest_first(seen[:, 2], fig.strands.starts)
        draw_strands(seen, fig.strands.starts, thick, ids, depth, HAIR_BASE, order)
    return depth
