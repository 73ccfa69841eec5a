"""The canonical face: 68 landmarks of the mean adult face, in millimetres.

Head frame: axes of rotation.py, origin at the nose tip. The points are the symmetric mean of closed-mouth
faces of AFLW2000-3D with pose and scale undone (tools/derive_canonical_face.py; faces lie 4 mm from it in the
median).
"""

from __future__ import annotations

import numpy as np

from .landmarks import NOSE_TIP
from .rotation import Array

CANONICAL_FACE: Array = np.array(
    [
        (-72.7, -25.7, 114.2),
        (-70.8, -5.8, 111.9),
        (-66.9, 12.5, 109.9),
        (-63.0, 28.5, 106.1),
        (-57.2, 45.2, 97.1),
        (-47.5, 58.4, 81.1),
        (-36.2, 66.3, 61.4),
        (-21.8, 72.6, 43.2),
        (0.0, 76.4, 36.1),
        (21.8, 72.6, 43.2),
        (36.2, 66.3, 61.4),
        (47.5, 58.4, 81.1),
        (57.2, 45.2, 97.1),
        (63.0, 28.5, 106.1),
        (66.9, 12.5, 109.9),
        (70.8, -5.8, 111.9),
        (72.7, -25.7, 114.2),
        (-56.8, -48.2, 51.9),
        (-48.8, -54.1, 39.8),
        (-38.3, -56.0, 31.5),
        (-28.2, -54.9, 26.4),
        (-19.1, -52.4, 23.9),
        (19.1, -52.4, 23.9),
        (28.2, -54.9, 26.4),
        (38.3, -56.0, 31.5),
        (48.8, -54.1, 39.8),
        (56.8, -48.2, 51.9),
        (0.0, -34.2, 20.4),
        (0.0, -22.3, 11.6),
        (0.0, -10.3, 2.2),
        (0.0, 0.0, 0.0),
        (-12.4, 9.0, 22.1),
        (-7.2, 10.0, 17.7),
        (0.0, 11.3, 15.6),
        (7.2, 10.0, 17.7),
        (12.4, 9.0, 22.1),
        (-43.7, -33.9, 45.0),
        (-37.2, -38.5, 36.7),
        (-27.9, -38.8, 36.5),
        (-19.2, -33.4, 39.1),
        (-27.2, -31.3, 36.7),
        (-37.0, -30.8, 39.0),
        (19.2, -33.4, 39.1),
        (27.9, -38.8, 36.5),
        (37.2, -38.5, 36.7),
        (43.7, -33.9, 45.0),
        (37.0, -30.8, 39.0),
        (27.2, -31.3, 36.7),
        (-26.4, 32.7, 33.8),
        (-17.3, 27.6, 21.8),
        (-6.0, 24.1, 15.4),
        (0.0, 25.2, 14.8),
        (6.0, 24.1, 15.4),
        (17.3, 27.6, 21.8),
        (26.4, 32.7, 33.8),
        (16.7, 37.5, 23.7),
        (8.6, 40.7, 19.0),
        (0.0, 41.3, 17.9),
        (-8.6, 40.7, 19.0),
        (-16.7, 37.5, 23.7),
        (-24.2, 32.2, 33.1),
        (-7.8, 30.9, 20.6),
        (0.0, 30.7, 18.7),
        (7.8, 30.9, 20.6),
        (24.2, 32.2, 33.1),
        (7.7, 32.6, 20.1),
        (0.0, 33.1, 19.0),
        (-7.7, 32.6, 20.1),
    ]
)
CANONICAL_FACE.flags.writeable = False

#: carries the canonical head frame into BIWI's (origin at the head centre): X_biwi = R @ X + t, mm
#: (docs/conventions.md, section 5: the shift that puts the nose tip at (0, -3, -56) meets nine real frames)
BIWI_FROM_CANONICAL: tuple[Array, Array] = (np.eye(3), np.array([0.0, -3.0, -56.0]))

#: landmarks the bending follows; inner lips only say how far the mouth is open
FITTED = np.arange(60)

assert np.abs(CANONICAL_FACE[NOSE_TIP]).max() == 0.0  # every mesh of the package stands on this origin
