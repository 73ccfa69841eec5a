"""Take the picture: rasterise the figure, cast the shadow, shade, and lay it over the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .figure import Figure, figure
from .lenses import lay_lenses
from .light import SHARPNESS, shadow_frame, shadow_map
from .raster import SAMPLES, draw_triangles, new_buffers, to_samples
from .resolve import HAIR_BASE, pack, resolve
from .scene import Scene
from .skin import bake
from .strands import draw_strands, light_strands

#: half the width of the region the shadow map covers, mm
_SHADOW_REACH = 205.0
#: standard deviation of the filter over strands of hair, px
_HAIR_FILTER = 0.85
_NO_FABRIC = np.zeros((2, 2, 6), np.float32)


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
    flat = to_samples(scene.camera.to_pixels(fig.points))
    draw_triangles(flat, fig.triangles, 0, ids, depth, fig.solid)
    lamp = scene.light.lamps[0]
    frame, offset = shadow_frame(lamp[:3], scene.head @ np.array([0.0, -10.0, 90.0]), _SHADOW_REACH)
    shadow_at = (fig.points @ frame.T + offset).astype(np.float32)
    hair_rgb = np.zeros((1, 3), np.float32)
    hair_shadow = None
    strands = fig.strands
    if strands is not None and len(strands.points):
        hair_shadow = (strands.points @ frame.T + offset).astype(np.float32)
    shadow = shadow_map(shadow_at, fig.triangles, hair_shadow, scene.light.softness, _SHADOW_REACH,
                        fig.solid)  # fmt: skip
    if strands is not None and hair_shadow is not None:
        seen = to_samples(scene.camera.to_pixels(strands.points))
        per_mm = scene.camera.pixels_per_mm(60.0) * SAMPLES
        draw_strands(seen, strands.starts, strands.width * per_mm, ids, depth, HAIR_BASE)
        hair_rgb = light_strands(strands, scene.light, shadow, hair_shadow, SHARPNESS)
    person = scene.person
    rgb = np.zeros((height, width, 3), np.float32)
    background = np.zeros_like(rgb) if scene.background is None else scene.background
    cover = np.zeros((height, width, 3), np.float32)
    expression = scene.expression
    skin_map = bake(person.skin, expression.smile, expression.brow_up, expression.brow_down)
    white = 1.0 - 0.5 * person.skin.melanin  # dark eyes' whites have melanin, too
    eyes, clothes, glasses = person.eyes, person.clothes, person.glasses
    resolve(
        ids, depth, SAMPLES, fig.triangles, fig.material,
        pack(flat, fig.normals, shadow_at, fig.attributes, fig.points),
        np.ascontiguousarray(scene.head, np.float32), scene.camera.focal, scene.camera.middle, skin_map,
        _NO_FABRIC if scene.mask is None else scene.mask.texture,
        np.array([*eyes.iris, eyes.pupil, eyes.ring, eyes.veins, eyes.radius, white], np.float32),
        np.array((*clothes.colour, *clothes.second, clothes.pattern, clothes.size, *clothes.trim), "f4"),
        np.array([*glasses.colour, 0.25 if glasses.metal else 0.4], np.float32), person.teeth,
        scene.light.lamps.astype(np.float64), scene.light.sh.astype(np.float64), shadow, SHARPNESS, hair_rgb,
        background, rgb, cover,
    )  # fmt: skip
    if len(hair_rgb) > 1:
        _soften_hair(rgb, ids)
    if fig.lenses is not None:
        seen_lenses = scene.camera.to_pixels(fig.lenses.reshape(-1, 3))
        lay_lenses(rgb, depth, fig.lenses, seen_lenses, glasses.tint, scene.light)
    landmarks = scene.camera.to_pixels(fig.landmarks @ scene.head.T)
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
    smooth = np.asarray(cv2.GaussianBlur(part, (5, 5), _HAIR_FILTER), np.float32)
    smooth -= part
    smooth *= np.minimum(weight, np.float32(1.0))[..., None]
    part += smooth


def depth_image(scene: Scene) -> NDArray[np.float32]:
    """Depth (h, w) mm at the pixel centres of the scene's camera, inf where nothing is: one sample a
    pixel."""
    fig = figure(scene)
    ids, depth = new_buffers(*scene.size, samples=1)
    draw_triangles(to_samples(scene.camera.to_pixels(fig.points), 1), fig.triangles, 0, ids, depth, fig.solid)
    if fig.strands is not None:
        thick = fig.strands.width * scene.camera.pixels_per_mm(60.0)
        seen = to_samples(scene.camera.to_pixels(fig.strands.points), 1)
        draw_strands(seen, fig.strands.starts, thick, ids, depth, HAIR_BASE)
    return depth
