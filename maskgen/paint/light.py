"""The light of a photograph, read off the skin of the face in it.

Log luminance of skin is fitted, robustly, as an affine function of the surface normal (spherical harmonics of
order 1 in log space: a light from one side over an ambient one, always positive). What that cannot say
(cast shadows, a rim light) is kept as a smooth map of what is left over. Only the *direction* of both goes
onto the mask; its level comes from the exposure (docs/painting.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..geometry.bending import bending_weights
from ..geometry.canonical import CANONICAL_FACE
from ..geometry.face import FaceFit
from ..geometry.head import skull_mesh
from ..geometry.rotation import Array
from . import light_kernels as kernels
from .colours import White
from .eyes import whites_of_eyes
from .raster import extent
from .tone import LINEAR, luminance

F32 = NDArray[np.float32]
#: pixels per millimetre of the map of what is left over
_WORK_SCALE = 0.25
#: stops per unit normal that is assumed where the skin says nothing: light from above and the front
_PRIOR = np.array([0.0, -0.35, -0.30])
#: its weight against 200 samples, for a scatter of one stop; it falls with the scatter's square
_PRIOR_WEIGHT = 5.0
#: half the side of the patch of skin that is averaged, mm
_PATCH_MM = 1.0
_MAP_REACH_MM = 14.0
_MAP_LIMIT = 3.0  # stops
_SHARED = 0.15  # of what both sides share reaches the map
#: of the samples' weight, how much is less lit than what stands for the lit skin
_LIT = 0.6
#: and how much of it is no brighter than what stands for the skin in the shade
_SHADED = 0.08
#: and of what is lit best
_BEST = 0.85
#: of the picture, how much white tells the light's colour, and how far it is believed
_WHITE_SHARE, _WHITE_TRUST = 0.08, 0.9
#: the same of what is bright and yellow where nothing is white
_CREAM_SHARE, _CREAM_TRUST = 0.05, 0.7
#: of what is not dark, how little must be neutral or cool before warm skin means warm light; and how much,
#: before it means warm skin
_COOL_SHARE, _MUCH_COOL = 0.06, 0.2
#: stops that the whites of the eyes may be off neutral, and by which they bound the light's colour
_EYE_WHITE = 0.05
#: linear luminance of skin whose colour says nothing
_BURNT = 0.9
#: luminance, linear, taken where no skin can be read
_DEFAULT_SKIN = 0.22
#: where reading the light begins to fail: linear luminance that lit skin stays below 1 by (less in six of 906
#: AFLW2000 files), that it has at least, and stops per unit normal that it differs by (less in none)
_HEADROOM, _DARKEST_SKIN, _LEAST_GRADIENT = 0.1, 0.012, 0.07
#: stops per unit normal of light from behind that a mask's level makes up for
_BACK_LIGHT = 0.2


@dataclass(frozen=True, eq=False)
class Light:
    """What the skin says of the light.

    gradient: (3,) stops of luminance per unit of normal, camera axes. skin: linear luminance of the lit skin.
    rest: smooth map of stops left over; pixel p
    of the picture lies at (p - (x0, y0)) * scale of it, `to_rest` = (scale, x0, y0). spread: stops, robust
    standard deviation of the fit. samples: how many skin samples counted. offset: stops of skin whose normal
    is 0, so that skin of normal n is expected at gradient . n + offset. chroma, chroma_width: (2,) log2 R/G
    and log2 B/G of the skin, and how far it strays. bare: (n, 2) pixels, x and y, of skin that faces the
    camera above a mask, within the picture. shade: of the lit skin's light, what skin in the shade gets.
    best: stops of the skin that is lit best. eyes: log2 R/G and log2 B/G of the whites of the eyes, or None.
    """

    gradient: Array
    skin: float
    rest: F32
    to_rest: tuple[float, float, float]
    spread: float
    samples: int
    offset: float
    chroma: Array
    chroma_width: Array
    bare: NDArray[np.int64]
    shade: float
    best: float
    eyes: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class _Probe:
    points: Array
    normals: Array
    weights: F32
    prior: Array
    twin: NDArray[np.intp]  # the place on the other side of the face
    above: NDArray[np.bool_]  # above a mask and surely skin: cheekbones, nose bridge, forehead


@lru_cache(maxsize=1)
def _probe() -> _Probe:
    """Places on the canonical face that are skin on almost everybody, and how sure that is (n,)."""
    mesh = skull_mesh()
    p = mesh.vertices
    keep = (p[:, 2] < 90.0) & (p[:, 1] > -78.0) & (p[:, 1] < 74.0)
    x, y = np.abs(p[:, 0]), p[:, 1]
    eye = CANONICAL_FACE[36:42].mean(0)
    keep &= ((x - abs(eye[0])) / 19.0) ** 2 + ((y - eye[1]) / 10.0) ** 2 > 1.0
    keep &= ~((x > 12.0) & (x < 62.0) & (y > -62.0) & (y < -44.0))  # brows
    keep &= (x / 29.0) ** 2 + ((y - 33.0) / 15.0) ** 2 > 1.0  # lips
    keep &= (x > 15.0) | (y < 3.0) | (y > 17.0)  # nostrils
    chosen = np.flatnonzero(keep)[::2]  # 500 places say as much as 1000
    p = p[chosen]
    prior = np.ones(len(p))
    prior[(p[:, 1] < -58.0)] = 0.5  # fringe
    prior[(p[:, 1] > 15.0) & (np.abs(p[:, 0]) < 60.0)] = 0.6  # beard
    prior[p[:, 2] > 70.0] = 0.5  # hair before the ears
    twin = ((p[:, None] * [-1.0, 1.0, 1.0] - p[None]) ** 2).sum(-1).argmin(1)
    above = (p[:, 1] < -14.0) & (prior >= 0.99)
    return _Probe(p, mesh.normals[chosen], bending_weights(p), prior, twin, above)


def _map_frame(
    size: tuple[int, int], points: F32, scale: float
) -> tuple[tuple[int, int], tuple[float, float, float]]:
    """Shape (h, w) of the left-over map at about _WORK_SCALE px/mm, and its `to_rest`."""
    left, top, right, low = extent(points)
    pad = 10.0 * scale
    x0, y0 = max(math.floor(left - pad), 0), max(math.floor(top - pad), 0)
    x1, y1 = min(math.ceil(right + pad), size[0]), min(math.ceil(low + pad), size[1])
    factor = min(1.0, _WORK_SCALE / scale)
    shape = max(4, round((y1 - y0) * factor)), max(4, round((x1 - x0) * factor))
    return shape, (factor, float(x0), float(y0))


def _smooth_map(sums: F32, reach_px: float) -> F32:
    """Smooth map (h, w) of stops from `explained`'s sums; 0 where no skin was read."""
    side = 2 * math.ceil(2.2 * max(reach_px, 0.8)) + 1
    blurred = cv2.GaussianBlur(sums, (side, side), max(reach_px, 0.8), borderType=cv2.BORDER_REPLICATE)
    rest = np.empty(sums.shape[:2], np.float32)
    kernels.settled(np.asarray(blurred, np.float32), rest)
    return rest


def estimate_light(image: NDArray[np.uint8], fit: FaceFit) -> Light:
    """The light on the face that ``fit`` placed in ``image`` (h, w, 3) uint8 BGR. Never raises."""
    probe, scale = _probe(), fit.camera.scale
    points = fit.bent_to_image(probe.points, probe.weights)
    h, w = image.shape[:2]
    shape, to_rest = _map_frame((w, h), points, scale)
    n = len(points)
    which, normals, bgr = np.empty(n, np.int64), np.empty((n, 3)), np.empty((n, 3), np.float32)
    places = np.empty((n, 2), np.int64)
    seen, bare = kernels.skin_in_view(
        image, points, probe.normals, fit.rotation, int(_PATCH_MM * scale), LINEAR, probe.above,
        which, normals, bgr, places,
    )  # fmt: skip
    places = places[:bare]
    if seen < 40:
        nothing = np.zeros((4, 4), np.float32)
        unknown = np.log2(_DEFAULT_SKIN), np.zeros(2), np.ones(2)
        return Light(
            _PRIOR, _DEFAULT_SKIN, nothing, to_rest, 1.0, 0, *unknown, places, 1.0, math.log2(_DEFAULT_SKIN)
        )
    sums = np.zeros((*shape, 2), np.float32)
    plane, spread, samples, (level, shaded, best), chroma, chroma_width = kernels.explained(
        bgr[:seen], normals[:seen], which[:seen], points, probe.prior, probe.twin,
        (_PRIOR, _PRIOR_WEIGHT), (_SHARED, _MAP_LIMIT), (_LIT, _SHADED, _BEST), to_rest, sums,
    )  # fmt: skip
    # rounded, so that two machines whose linear algebra differs in the last bit still paint the same bytes
    return Light(
        gradient=plane[:3],
        skin=round(2.0**level, 5),
        rest=_smooth_map(sums, _MAP_REACH_MM * scale * to_rest[0]),
        to_rest=to_rest,
        spread=round(spread, 4),
        samples=samples,
        offset=float(plane[3]),
        chroma=chroma,
        chroma_width=chroma_width,
        bare=places,
        shade=round(2.0 ** min(shaded - level, 0.0), 4),
        best=round(best, 4),
        eyes=whites_of_eyes(image, fit),
    )


def toward_camera(light: Light) -> float:
    """Stops that what faces the camera is lit more than what faces nowhere, as a mask's level takes it."""
    return max(-float(light.gradient[2]), -_BACK_LIGHT)


def readable(light: Light) -> float:
    """0..1: how much the skin can tell of the light: nothing where it is burnt out, black or all alike."""
    exposed = min(1.0, (1.0 - light.skin) / _HEADROOM, light.skin / _DARKEST_SKIN)
    return max(exposed, 0.0) * min(1.0, math.hypot(*light.gradient.tolist()) / _LEAST_GRADIENT)


def color_cast(light: Light, white: White) -> Array:
    """Colour of the light (3,) BGR, luminance 1.

    Where something white is in the picture, its colour is the light's: over photographs it hardly depends on
    the skin's (correlation -0.05 and 0.3 for red and blue on AFLW2000, docs/painting.md). Elsewhere the skin
    must tell. Linear R/G and B/G of skin under white light average 2**0.62 and 2**-0.42 over the tones of
    people; a third of a small difference is taken for light (all of it would turn blue masks grey under
    tungsten), two thirds of a large one, and more where nothing in the picture is neutral or cool. Where much
    is, a fifth: brown skin is redder than pale skin, and what is bought as red need not be lit so. No light
    is redder than the least red of what is bright, none warmer than what it makes of the whites of the eyes;
    and what is bright but not red tells more of a strong light than the skin does.
    """
    if light.samples == 0:
        return np.ones(3)
    trust = _WHITE_TRUST * min(white.share / _WHITE_SHARE, 1.0)
    warm = max(1.0 - white.cool / _COOL_SHARE, 0.0)
    plenty = min(white.cool / _MUCH_COOL, 1.0)
    # skin that is nearly burnt out has lost its colour
    kept = min(max((_BURNT - light.skin) / 0.4, 0.0), 1.0)
    told, sure = [], 0.0
    for of_skin, usual in zip(light.chroma.tolist(), (0.62, -0.42), strict=True):
        off = min(max(of_skin - usual, -1.4), 1.4)
        # people's skins differ by half a stop of chroma; what lies beyond is the light's
        strong = min(max((abs(off) - 0.35) / 0.6, 0.0), 1.0)
        part = (0.35 + 0.15 * warm) * (1.0 - 0.4 * plenty) + 0.3 * strong * (1.0 - plenty)
        told.append(kept * off * part)
        sure = max(sure, strong)
    # no light is redder than the least red of what is bright
    told[0] = min(told[0], max(white.least_red, _EYE_WHITE))
    share = _as_eyes_allow(told[0], told[1], light.eyes)
    # pale skin and cream paint pass for white, too: half of what white says
    stops = [
        (1.0 - trust) * share * of_light + trust * 0.5 * of_white
        for of_light, of_white in zip(told, (white.red, white.blue), strict=True)
    ]
    # where a strong light leaves nothing white, what is bright and not red has its colour
    cream = (1.0 - trust) * (1.0 - plenty) * sure * min(white.cream / _CREAM_SHARE, 1.0)
    part = _CREAM_TRUST * _as_eyes_allow(white.cream_red, white.cream_blue, light.eyes)
    stops = [
        (1.0 - cream) * of_light + cream * part * of_cream
        for of_light, of_cream in zip(stops, (white.cream_red, white.cream_blue), strict=True)
    ]
    cast = np.array([2.0 ** stops[1], 1.0, 2.0 ** stops[0]])
    return np.round(cast / luminance(cast), 4)


def _as_eyes_allow(red: float, blue: float, eyes: tuple[float, float] | None) -> float:
    """Share 0..1 of a warm light's log2 R/G and B/G at which it is no warmer than the whites of the eyes."""
    if eyes is None:
        return 1.0
    # of red and of yellow; the same share of both keeps the lamp's hue
    pairs = (red, eyes[0]), (-blue, -eyes[1])
    return min([(max(seen, 0.0) + _EYE_WHITE) / warm for warm, seen in pairs if warm > _EYE_WHITE] + [1.0])
