"""Painter: arrays in, arrays out. One call paints one mask on one face."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, LandmarkError, UsageError
from ..geometry.face import FaceFit, fit_face
from ..geometry.landmarks import Landmarks
from ..geometry.pose import HeadPose
from ..geometry.rotation import Array
from ..masks.catalogue import Catalogue, Style
from ..masks.spec import MaskDraw, MaskSpec
from . import composite as c
from . import dress as d
from . import shading as s
from .account import notes, numbers, quality
from .drawn import drawn
from .fabric import (
    CREASE_STEP,
    NO_TILE,
    Level,
    crease_slope,
    grain_tile,
    hemmed_tile,
    packed_creases,
    pick_level,
    prepared,
    print_of,
    wandered,
)
from .frame import photograph_box
from .light import Light, color_cast, estimate_light, toward_camera
from .occluder import find_occluder, put_behind
from .photo import Photo, read_photo
from .raster import SS
from .scene import MASK_VERTICES, Scene, build_scene, label
from .shadow import cast_shadow
from .shell import COLUMNS, ROWS, Shell, build_shell, skewed
from .slack import slack_fields, slackened
from .straps import STRAP_POINTS
from .tone import LEVEL, LINEAR, hex_to_linear, luminance, trim_beside
from .types import Painted

F32 = NDArray[np.float32]
#: linear light a white mask sends beside skin of linear luminance 0.22, and how it follows the skin
#: (log-log slope over photographs, docs/styles.md): exposure decides, not the skin
_WHITE_LEVEL, _SKIN_SLOPE, _SKIN_MEAN = 0.60, 0.42, 0.22
_WHITE_ALBEDO = 0.80
#: linear light that masks in photographs hardly exceed: at most 12 % of one clips, mostly none. Those in the
#: front light keep some of it for the side
_BRIGHTEST, _LEAST_CEILING = 0.92, 0.2
#: how much brighter than its middle a mask's lit side may be where nothing else is as bright
_LIT_SIDE = 1.5
#: how much brighter than skin a white mask may be where nothing round the face is bright (1.8 stops)
_DARK_SCENE = 3.5
#: how much brighter than skin a white mask is at least: a pale face sends two thirds of what falls on it.
#: What is too much for the camera is burnt out as the skin is: to so many stops, from half a stop on wholly
_PALEST, _MOST_BURNT, _WHOLLY_BURNT = 1.35, 1.2, 0.5
#: linear light from which highlights are bent over, and where they end; the same where skin is burnt out
_SHOULDER, _BURNT_SHOULDER = (0.70, 0.985), (0.90, 1.0)
#: stops that skin facing the camera may lack of the best lit before the mask does; most counted; their share
_AVERTED, _MOST_AVERTED, _AVERTED_GAIN = 0.7, 4.5, 0.5
_FALL_STOPS = 1.5
#: share of light that comes from all round, from chest and room, and through the cloth
_AMBIENT = 0.2
#: and no more than so many times what reaches the darkest skin, but for a little
_BOUNCE, _LEAST_AMBIENT = 3.0, 0.05
#: more of it on dark cloth: what fibres and lens scatter counts there
_VEIL = 0.22
#: sharpness is read off stored levels, blur is done in linear light, where it carries bright skin further
#: into black cloth than the levels of the photograph's own edges say: by so much of it at most
_DARK_EDGE = 0.22
#: of the light from the side: cloth is flatter than the face it is read from
_SIDE_GAIN = 2.15
#: how much less of that on black cloth, for what shines of the lamp comes on top
_SHINES = 0.34
_VERTICAL_LIMIT = 0.35  # stops per unit normal
_REST_SHARE = 0.85
#: what is said of other landmarks and poses
_TYPES = (
    'the painter takes Landmarks, as Landmarks.of(points, "mine") makes of (68, 2) or (68, 3) pixels, and a '
    "HeadPose, as HeadPose.from_euler(yaw, pitch, roll) makes of degrees, or None"
)


class Painter:
    """Paints masks of a catalogue. Holds no state but caches; safe to share between threads, picklable."""

    def __init__(self, catalogue: Catalogue | None = None) -> None:
        self.catalogue = catalogue if catalogue is not None else Catalogue.load()

    def paint(
        self, image: NDArray[np.uint8], landmarks: Landmarks, pose: HeadPose | None, draw: MaskDraw
    ) -> Painted:
        """Paint ``draw`` on the face in ``image`` (h, w, 3) uint8 BGR; the input is not changed.

        landmarks: 0-based pixels; pose: of the camera that took the picture, or None to take it from the
        landmarks. Raises LandmarkError where no mask can be placed, ImageError for a wrong array, UsageError
        for an unknown style, fabric or colour. What was painted but should be looked at carries a note.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ImageError(f"the painter takes (h, w, 3) uint8 BGR, got {image.shape} {image.dtype}")
        if not isinstance(landmarks, Landmarks) or not isinstance(pose, HeadPose | None):
            raise UsageError(_TYPES)
        style = self.catalogue.style(draw.style)
        fit = fit_face(landmarks, pose)
        shell = slackened(*_shell_of(style, draw.wear), drawn(draw.seed).slack, draw.skew_deg)
        shell = skewed(shell, draw.skew_deg)
        h, w = image.shape[:2]
        light = estimate_light(image, fit)
        frame = photograph_box(image)
        scene = build_scene(image, shell, style.spec, fit, light, frame)
        if float(scene.coverage.sum()) < 4.0:
            raise LandmarkError("no part of the mask is seen: the face is turned away or outside the picture")
        x0, y0, x1, y1 = scene.box
        occlusion = find_occluder(image, fit, scene.box, scene.coverage, frame)
        put_behind(scene, occlusion)
        photo = read_photo(image, scene.face(frame), light.bare, frame)
        white = _white(light, photo)
        layer, left, top = self._layer(style, draw, fit, shell, scene, light, photo, white)
        shadow, step = cast_shadow(
            image[y0:y1, x0:x1], scene.coverage, scene.head_depth, (light.gradient[0], light.gradient[1]),
            fit.camera.scale, layer, landmarks.xy[landmarks.valid] - (float(x0), float(y0)), (left, top),
        )  # fmt: skip
        out = image.copy()
        alpha, touched = np.zeros((h, w), np.float32), np.zeros((h, w), np.bool_)
        inside = np.s_[y0:y1, x0:x1]
        c.lay(
            out[inside], layer, left, top, shadow, step, LINEAR, LEVEL, grain_tile(), _grain_level(photo),
            draw.seed % 251, draw.seed // 251 % 241, alpha[inside], touched[inside],
        )  # fmt: skip
        return Painted(
            image=out,
            alpha=alpha,
            segmentation=_segmentation(scene, (h, w)),
            touched=touched,
            visibility=scene.visibility,
            residual=round(fit.residual_mm, 4),
            quality=quality(fit, light),
            notes=notes(fit, light, landmarks, (w, h)) + occlusion.notes,
            numbers=numbers(fit, light, photo) | occlusion.numbers,
        )

    def _layer(
        self, style: Style, draw: MaskDraw, fit: FaceFit, shell: Shell, scene: Scene, light: Light,
        photo: Photo, white: float,
    ) -> tuple[F32, int, int]:  # fmt: skip
        """The mask as premultiplied linear BGR with opacity, blurred as the photograph is.

        Only as large as the mask and its blur; left and top say where in the window it lies.
        """
        spec = style.spec
        levels, texels_per_mm = _levels_of(style, print_of(style, drawn(draw.seed).stamp))
        maps = levels[pick_level(len(levels), texels_per_mm, fit.camera.scale)]
        color = _tint(draw, spec)
        over = _burnt(light)
        p = _cloth(draw, light, white, over, spec, color)
        tile = NO_TILE
        if draw.fabric is not None and spec.material.printable:
            fabric = self.catalogue.fabric(draw.fabric)
            tiles = hemmed_tile(fabric)
            tile = tiles[pick_level(len(tiles), (tiles[0].shape[1] - 1) / fabric.size_mm, fit.camera.scale)]
            p[s.TILE_MM], p[s.TILE_WEIGHT] = fabric.size_mm, draw.fabric_weight
        lining = trim_beside(color, hex_to_linear(spec.material.lining))
        bands = [
            trim_beside(color, hex_to_linear(band.color)) if band.color else color
            for band in spec.straps
            for _side in (0, 1)
        ]
        # supersampling has already spread an edge over about a pixel
        spread = math.sqrt(max((photo.blur * (1.0 - _DARK_EDGE * _darkness(color))) ** 2 - 0.20**2, 0.0))
        reach = math.ceil(2.4 * spread) if spread > 0.2 else 0
        part = x0, y0, x1, y1 = scene.around_inner(reach)
        layer = np.empty((y1 - y0, x1 - x0, 4), np.float32)
        ceiling = _ceiling(p, _brightest(white, photo) * 2.0**over)
        table = _vertex_table(shell, scene, fit, light, ceiling, _darkness(color))
        if spec.material.wander:
            table[:MASK_VERTICES, d.V] += wandered(spec, drawn(draw.seed).folds, ROWS, COLUMNS)
        s.shade(
            scene.coverage, scene.seen, scene.points, shell.triangles, scene.away,
            table, shell.strap_from, 2 * (STRAP_POINTS - 1),
            *maps, tile, packed_creases(), color, lining, np.array(bands, np.float32).reshape(-1, 3),
            color_cast(light, photo.white).astype(np.float32), p, part, layer,
        )  # fmt: skip
        if reach > 0:
            layer = np.asarray(cv2.GaussianBlur(layer, (2 * reach + 1,) * 2, spread), np.float32)
        if photo.black > 0.0:
            # no ink is left of what was blacker
            layer[..., :3] *= 1.0 - photo.black
            layer[..., :3] += photo.black * layer[..., 3:]
        if photo.tone is not None:
            c.tone_like(layer, *photo.tone)
        return layer, x0, y0


@lru_cache(maxsize=96)
def _shell_of(style: Style, wear: str) -> tuple[Shell, Array | None]:
    """The style's shell and its slack, by the style itself: a specification's hash takes longer than this."""
    return build_shell(style.spec, wear), slack_fields(style.spec, wear)


@lru_cache(maxsize=64)
def _levels_of(style: Style, stamp: str | None) -> tuple[tuple[Level, ...], float]:
    """The style's maps with a print or none; texels of the first per millimetre of the mask worn as meant."""
    size_mm = build_shell(style.spec, "correct").size_mm
    levels = prepared(style, size_mm, stamp)
    return levels, levels[0].cloth.shape[1] / size_mm[0]


def _vertex_table(shell: Shell, scene: Scene, fit: FaceFit, light: Light, ceiling: float, dark: float) -> F32:
    """What `dress` knows of each vertex of the shell in this picture: (n, COLUMNS_OF_VERTEX)."""
    table = np.zeros((len(shell.vertices), d.COLUMNS_OF_VERTEX), np.float32)
    p = np.zeros(d.LIGHT_ENTRIES, np.float32)
    p[d.GX : d.GZ + 1] = _pull(light, dark)
    p[d.DOWN_X : d.DOWN_Z + 1] = fit.rotation[:, 1]
    p[d.FALL], p[d.REST], p[d.CEILING] = _FALL_STOPS * (1.0 - 0.12 * _SHINES * dark), _REST_SHARE, ceiling
    p[d.SHINE_X : d.SHINE_Z + 1] = _half_way(light)
    # the scene's points count subsamples of its window
    factor, x0, y0 = light.to_rest
    half = 0.5 - 0.5 / SS
    p[d.REST_SCALE] = factor / SS
    p[d.REST_X], p[d.REST_Y] = (scene.box[0] - x0 - half) * SS, (scene.box[1] - y0 - half) * SS
    d.vertex_table(
        shell.texture, shell.fabric_mm, shell.rim_mm, scene.points, scene.normals, scene.across, light.rest,
        MASK_VERTICES, p, table,
    )  # fmt: skip
    return table


def _pull(light: Light, dark: float) -> Array:
    """Stops per unit normal that reach the cloth, (3,); ``dark`` 0..1 is how dark it is."""
    g = np.array(light.gradient)
    g[0] *= _SIDE_GAIN * (1.0 - _SHINES * dark)
    # up and down, brow, beard and the shade under the chin pass for light: bound what they can claim
    g[1] = _VERTICAL_LIMIT * np.tanh(light.gradient[1] / _VERTICAL_LIMIT)
    return g


def _half_way(light: Light) -> Array:
    """Unit vector between the lamp and the camera, (3,): cloth that faces it shines.

    The lamp is looked for above the camera, and as far aside as the skin says.
    """
    lamp = np.array([0.6 * light.gradient[0], -0.25, -0.6])
    half = lamp / np.linalg.norm(lamp) + [0.0, 0.0, -1.0]
    return np.asarray(half / np.linalg.norm(half))


def _tint(draw: MaskDraw, spec: MaskSpec) -> F32:
    """Albedo of the cloth, linear BGR (3,): the draw's colour, or else the style's first."""
    return hex_to_linear(draw.color or spec.material.colors[0][0])


def _darkness(color: F32) -> float:
    """0 for white and pastel cloth, 1 for black."""
    return (1.0 - min(luminance(color) / _WHITE_ALBEDO, 1.0)) ** 3


def _white(light: Light, photo: Photo) -> float:
    """Linear light that a white mask sends in this photograph."""
    white = _WHITE_LEVEL * (light.skin / _SKIN_MEAN) ** _SKIN_SLOPE
    # where skin that faces the camera lies in the shade, so does cloth: the slope above is between people
    averted = light.best - light.offset - toward_camera(light)
    white *= 2.0 ** (-_AVERTED_GAIN * min(max(averted - _AVERTED, 0.0), _MOST_AVERTED))
    # dark skin in good light has bright things beside it; where nothing is bright, the scene is dark
    white = min(white, max(_DARK_SCENE * light.skin, photo.bright))
    return min(max(white, 0.02), 0.95)


def _burnt(light: Light) -> float:
    """Stops that a white mask has too much light for this photograph: where its skin is nearly white."""
    over = math.log2(max(_PALEST * light.skin / _BRIGHTEST, 1e-3))
    return min(max(over, 0.0), _MOST_BURNT)


def _cloth(draw: MaskDraw, light: Light, white: float, over: float, spec: MaskSpec, color: F32) -> F32:
    """The cloth vector of `shading.shade`, without a fabric. over: what `_burnt` says."""
    p = np.zeros(s.CLOTH_ENTRIES, np.float32)
    # stops are counted from cloth that faces the camera, so that the level is what the camera exposed for;
    # in light from behind it exposed for other things
    p[s.LEVEL] = white / _WHITE_ALBEDO * 2.0 ** (over - 0.75 * toward_camera(light))
    wholly = min(over / _WHOLLY_BURNT, 1.0)
    p[s.SHOULDER], p[s.WHITE] = (
        usual + wholly * (burnt - usual) for usual, burnt in zip(_SHOULDER, _BURNT_SHOULDER, strict=True)
    )
    strength, at_x, at_y = drawn(draw.seed).crease
    p[s.CREASE] = np.float32(crease_slope(spec, strength / 255.0)) * CREASE_STEP
    p[s.CREASE_X], p[s.CREASE_Y] = at_x, at_y
    around = min(_AMBIENT, max(_BOUNCE * light.shade, _LEAST_AMBIENT))
    p[s.AMBIENT] = around + _VEIL * _darkness(color)
    p[s.SHEEN], p[s.HEM], p[s.TILE_MM] = spec.material.sheen, spec.material.hem, 1.0
    return p


def _brightest(white: float, photo: Photo) -> float:
    """Linear light that no part of a white mask much exceeds: no more than what is bright beside it."""
    return min(max(photo.bright, _LIT_SIDE * white), _BRIGHTEST)


def _ceiling(p: F32, brightest: float) -> float:
    """Stops of light from the side beyond which a white mask would be brighter than ``brightest``."""
    light = brightest / (_WHITE_ALBEDO * float(p[s.LEVEL])) - float(p[s.AMBIENT])
    return max(np.log2(max(light, 0.1) / (1.0 - float(p[s.AMBIENT]))), _LEAST_CEILING)


def _grain_level(photo: Photo) -> np.float32:
    # the quiet quarter of |residual| of white noise is 0.72 of its standard deviation; cloth shows a bit less
    return np.float32(min(photo.grain / 0.72 * 0.95, 12.0))


def _segmentation(scene: Scene, shape: tuple[int, int]) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = scene.box
    out = np.zeros(shape, np.uint8)  # NONE
    label(scene.coverage, scene.strap, scene.inner, out[y0:y1, x0:x1])
    return out


@lru_cache(maxsize=1)
def default_painter() -> Painter:
    """A painter over the shipped catalogue, made once per process."""
    return Painter()
