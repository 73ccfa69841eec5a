"""What a painted mask says of itself: how well face and light were read, what to look at, and the numbers."""

from __future__ import annotations

import numpy as np

from ..geometry.face import FaceFit
from ..geometry.landmarks import Landmarks
from ..geometry.rotation import matrix_to_euler
from .frame import share_outside
from .light import Light, readable
from .photo import Photo

#: pixels from nasion to chin below which a mask is a smudge
_SMALL_FACE_PX = 22.0
_BLACK_SKIN, _WHITE_SKIN = 0.004, 0.99  # linear luminance; nothing is left to read beyond


def quality(fit: FaceFit, light: Light) -> float:
    """0..1: how well the face was met and the light was read; comparable between pictures of one dataset."""
    met = np.exp(-((fit.residual_mm / 9.0) ** 2))
    size = 1.0 - np.exp(-fit.camera.scale / 0.15)
    read = min(1.0, light.samples / 150.0) ** 0.5 * np.exp(-max(light.spread - 0.25, 0.0)) * readable(light)
    own = 0.7 if fit.pose_from_landmarks else 1.0
    return round(float(met * size * (0.5 + 0.5 * read) * own), 4)


def notes(fit: FaceFit, light: Light, landmarks: Landmarks, size: tuple[int, int]) -> tuple[str, ...]:
    """Why the picture should be looked at, each beginning with its code; size: (width, height) of it."""
    said = []
    if fit.pose_from_landmarks:
        said.append("pose: taken from the landmarks; the label is missing or disagrees with them")
    if fit.residual_mm > 9.0:
        said.append(f"fit: landmarks lie {fit.residual_mm:.1f} mm off the labelled head")
    if fit.camera.scale * 110.0 < _SMALL_FACE_PX:
        said.append("small: the face is only a few pixels high")
    if light.samples < 40 or light.skin < _BLACK_SKIN:
        said.append("light: too little skin is seen to read the light from it")
    elif light.skin > _WHITE_SKIN:
        said.append("light: the skin is burnt out, and tells nothing of the light")
    outside = share_outside(landmarks.points, landmarks.valid, *size)
    if outside > 0.25:
        said.append(f"outside: {100 * outside:.0f} % of the landmarks lie outside the picture")
    return tuple(said)


def numbers(fit: FaceFit, light: Light, photo: Photo) -> dict[str, float]:
    """What was measured: degrees of the camera's head pose, pixels, stops per unit normal, linear light."""
    yaw, pitch, roll = matrix_to_euler(fit.rotation).tolist()
    return {
        "scale_px_per_mm": round(fit.camera.scale, 4),
        "yaw": round(yaw, 3),
        "pitch": round(pitch, 3),
        "roll": round(roll, 3),
        "mouth_open": round(fit.mouth_open, 3),
        "light_x": float(light.gradient[0]),
        "light_y": float(light.gradient[1]),
        "light_z": float(light.gradient[2]),
        "skin": light.skin,
        "light_spread": light.spread,
        "blur_px": photo.blur,
        "grain_levels": photo.grain,
        "toned": round(1.0 - photo.colour, 4),
    }
