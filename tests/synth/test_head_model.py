"""The head itself: landmarks, expressions, symmetry, light."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from maskgen.geometry.face import CANONICAL_FACE
from maskgen.synth.draws import draw_expression, generator
from maskgen.synth.expression import Expression
from maskgen.synth.identity import MEASURES
from maskgen.synth.light import draw_light
from maskgen.synth.model import bend, head_model, vertex_normals
from maskgen.synth.people import draw_person

REST = Expression(close=0.0)
MEAN = np.zeros(len(MEASURES), np.float32)


def landmarks(expression=REST, shape=MEAN) -> np.ndarray:
    return bend(head_model(), shape, expression).landmarks


def test_mean_head_meets_the_canonical_face():
    assert np.abs(landmarks() - CANONICAL_FACE).max() < 0.1


def test_closing_the_lips_moves_nothing_but_the_mouth():
    closed = landmarks(Expression())
    assert np.abs(closed - CANONICAL_FACE)[:48].max() < 0.5
    gap = np.linalg.norm(closed[[61, 62, 63]] - closed[[67, 66, 65]], axis=1)
    assert gap.max() < 1.2
    assert np.abs(closed - CANONICAL_FACE).max() < 2.5


def test_there_are_dozens_of_measures_and_each_moves_the_head():
    model = head_model()
    assert len(MEASURES) >= 60
    for k in range(len(MEASURES)):
        shape = MEAN.copy()
        shape[k] = 1.0
        moved = np.linalg.norm(bend(model, shape, REST).points - bend(model, MEAN, REST).points, axis=1)
        assert 0.15 < moved.max() < 25.0, MEASURES[k]


def test_opening_the_jaw_lowers_chin_and_lower_lip_and_leaves_the_nose():
    still, wide = landmarks(), landmarks(Expression(close=0.0, jaw=1.0))
    assert (wide - still)[8, 1] > 15.0
    assert (wide - still)[57, 1] > 10.0
    assert np.abs(wide - still)[27:36].max() < 1.0
    assert np.abs(wide - still)[62].max() < 3.0


def test_blinking_closes_the_lids():
    still, shut = landmarks(), landmarks(Expression(close=0.0, blink=(1.0, 1.0)))
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        assert still[lower, 1] - still[upper, 1] > 5.0
        assert abs(shut[lower, 1] - shut[upper, 1]) < 2.5


def test_smiling_lifts_and_widens_the_corners():
    still, smile = landmarks(), landmarks(Expression(close=0.0, smile=1.0))
    assert smile[54, 0] - smile[48, 0] > still[54, 0] - still[48, 0] + 4.0
    assert (smile - still)[[48, 54], 1].max() < -2.0


def test_mean_head_is_symmetric():
    points = head_model().base.points
    mirrored = points * [-1.0, 1.0, 1.0]
    from scipy.spatial import cKDTree

    distance, _ = cKDTree(points).query(mirrored)
    assert np.quantile(distance, 0.99) < 0.35


def test_normals_point_out_of_the_head():
    base = head_model().base
    normals = vertex_normals(base.points, base.triangles)
    top = (base.points[:, 1] < -100) & (base.points[:, 2] > 40)
    outward = base.points[top] - [0.0, -60.0, 112.0]
    assert ((normals[top] * outward).sum(1) > 0).mean() > 0.999


def test_people_differ_by_millimetres_and_stay_people():
    faces = []
    for k in range(40):
        person = draw_person(generator(1, "person", k))
        faces.append(bend(head_model(), person.shape, REST).landmarks)
    spread = np.linalg.norm(np.array(faces) - np.mean(faces, axis=0), axis=2)
    assert 1.5 < np.median(spread) < 9.0
    assert spread.max() < 40.0
    assert np.abs(np.mean(faces, axis=0) - CANONICAL_FACE).max() < 6.0


def test_a_name_gives_the_same_draw_and_another_name_another():
    first, again = (draw_expression(generator(3, "x", 1)) for _ in range(2))
    assert first == again
    assert first != draw_expression(generator(3, "x", 2))
    assert first != draw_expression(generator(4, "x", 1))


@pytest.mark.parametrize("seed", range(4))
def test_light_seen_by_a_turned_camera_is_the_same_light(seed):
    light = draw_light(np.random.default_rng(seed))
    turn = Rotation.random(random_state=seed).as_matrix()
    normals = np.random.default_rng(9).standard_normal((50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    np.testing.assert_allclose(
        light.turned(turn).irradiance(normals @ turn.T), light.irradiance(normals), atol=2e-5
    )
