"""A scene as triangles: every mesh of a person, bent, posed and ready for the rasteriser."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .garment import below_the_rim, garment, shell
from .glasses import spectacles
from .hair import groom
from .model import Bent, HeadModel, bend, head_model, pose, torso_weights, vertex_normals
from .parts import CLOTH, Part
from .scene import Scene
from .strands import Strands


@dataclass(frozen=True, eq=False)
class Figure:
    """points (n, 3) mm in camera axes about the head's origin; normals (n, 3); attributes (n, 4); triangles
    (m, 3) and their material (m,), the first ``solid`` of which bound a solid. landmarks (68, 3) mm in the
    head frame. strands: hair, or None."""

    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    attributes: NDArray[np.float32]
    triangles: NDArray[np.int32]
    material: NDArray[np.uint8]
    solid: int
    skin: int
    landmarks: NDArray[np.float64]
    bent: Bent
    strands: Strands | None
    lenses: NDArray[np.float32] | None


def figure(scene: Scene) -> Figure:
    """Everything of the scene that is seen, in camera axes."""
    model = head_model()
    bent = bend(model, scene.person.shape, scene.expression)
    extra: list[Part] = [garment(scene.person)]
    glasses, lenses = spectacles(scene.person.glasses, bent)
    extra += glasses
    if scene.mask is not None:
        extra.append(scene.mask.worn(bent, model))
    points = np.concatenate([bent.points, *(p.points for p in extra)])
    torso = np.zeros(len(points), np.float32)
    torso[: len(model.torso)] = model.torso
    # clothes and masks turn on the neck as the skin below them does, or it would come through
    torso[len(bent.points) :] = torso_weights(points[len(bent.points) :])
    points = pose(points, torso, scene.head, scene.body)
    triangles, material, solid = _dressed(scene.person.clothes.kind)
    starts = np.cumsum([len(bent.points), *(len(p.points) for p in extra)])
    if len(extra) > 1:
        triangles = np.concatenate(
            [triangles, *(p.triangles + s for p, s in zip(extra[1:], starts[1:-1], strict=True))]
        )
        material = np.concatenate(
            [material, *(np.full(len(p.triangles), p.material, "u1") for p in extra[1:])]
        )
    attributes = np.concatenate([_lids_over_eyes(model, bent), *(p.attributes for p in extra)])
    strands = groom(scene.person, bent, scene.expression, scene.mask is not None) if scene.detail else None
    if strands is not None:
        strands = strands.moved(pose(strands.points, strands.torso, scene.head, scene.body), scene.head)
    if lenses is not None:
        lenses = (lenses.reshape(-1, 3) @ scene.head.T).reshape(lenses.shape).astype(np.float32)
    return Figure(
        points,
        vertex_normals(points, triangles),
        attributes,
        triangles,
        material,
        solid,
        model.skin_count,
        bent.landmarks,
        bent,
        strands,
        lenses,
    )


@lru_cache(maxsize=8)
def _dressed(clothes: str) -> tuple[NDArray[np.int32], NDArray[np.uint8], int]:
    """Triangles (m, 3) and materials (m,) of a head in clothes of that kind, and how many bound a solid.

    Skin that no clothes of that kind leave bare is left out.
    """
    model, (cloth, _) = head_model(), shell(clothes)
    covered = np.zeros(model.triangles.max() + 1, bool)
    covered[: model.skin_count] = below_the_rim(clothes)
    bare = np.logical_not(covered[model.triangles].all(axis=1))
    first = int(bare[: model.solid].sum())
    own, kinds = model.triangles[bare], model.material[bare]
    worn, woven = cloth.triangles + len(model.attributes), np.full(len(cloth.triangles), CLOTH, np.uint8)
    closed = cloth.solid
    triangles = np.concatenate([own[:first], worn[:closed], own[first:], worn[closed:]])
    material = np.concatenate([kinds[:first], woven[:closed], kinds[first:], woven[closed:]])
    return np.ascontiguousarray(triangles, np.int32), material, first + closed


def _lids_over_eyes(model: HeadModel, bent: Bent) -> NDArray[np.float32]:
    """Attributes with the eyes' sky set: dark under the upper lid, and in the corners."""
    attributes = model.attributes.copy()
    per_eye = len(model.ball.points)
    first = len(bent.points) - 2 * per_eye
    for side in (0, 1):
        rows = slice(first + side * per_eye, first + (side + 1) * per_eye)
        p = bent.points[rows] - bent.eye_centres[side]
        eye = bent.landmarks[36:42] if side == 0 else bent.landmarks[42:48]
        upper = eye[[0, 1, 2, 3]] if side == 0 else eye[[3, 2, 1, 0]][::-1]
        order = np.argsort(upper[:, 0])
        lid = np.interp(bent.points[rows][:, 0], upper[order, 0], upper[order, 1]) - bent.eye_centres[side][1]
        under = np.clip((p[:, 1] - lid + 0.3) / 4.2, 0.0, 1.0)
        aside = 1.0 - 0.55 * np.clip(np.abs(p[:, 0]) / 12.0, 0.0, 1.0) ** 2.5
        attributes[rows, 3] = (0.30 + 0.70 * under**0.7) * aside
    return attributes
