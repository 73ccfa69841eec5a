"""Landmarks from the picture with the face-alignment library; optional, offline, weights by path.

The library is used for its landmark network alone. Its own face detectors want downloads (and its `folder`
detector does not work), so boxes come from the sample or from YuNet through OpenCV and are handed over as
`detected_faces`; its compile option is off, because compiling costs more than most runs.
"""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import LandmarkError, MissingDependency, UsageError
from ..geometry.landmarks import Landmarks
from ..sample import Box, Sample
from .weights import FACE_NET, LANDMARK_NET, find_weights

if TYPE_CHECKING:
    from .sources import LoadPixels

#: box width + height in the library's unit of face size, for boxes like YuNet's
_REFERENCE_SCALE = 165.0
_SCORE, _OVERLAP = 0.5, 0.3
_BOXES_MODULE = "maskgen_boxes"


class FaceAlignmentDetector:
    """68 landmarks by the 3D-FAN network (projections of points on the head, hidden jaw included).

    weights: folder with the network's file, or the file itself; see weights.find_weights. boxes: face boxes
    by sample id, (x0, y0, x1, y1); for other samples a face is looked for with YuNet. flip: average with the
    mirrored picture, twice the time.

    Raises MissingDependency without the library and UsageError without its weights, at construction.
    """

    name = "detect"

    def __init__(
        self,
        weights: Path | None = None,
        boxes: dict[str, Box] | None = None,
        device: str = "cpu",
        flip: bool = False,
    ) -> None:
        self.boxes = boxes or {}
        self._weights = weights
        self._device, self._flip = device, flip
        self._faces: Any = None
        self._network: Any = self._load()
        if boxes is None:
            find_weights(FACE_NET, weights)  # every face will be looked for: say now what is missing

    def _load(self) -> Any:
        return _load_network(find_weights(LANDMARK_NET, self._weights), self._device, self._flip)

    def __getstate__(self) -> dict[str, Any]:
        # networks do not travel to workers: each loads its own
        return {**self.__dict__, "_faces": None, "_network": None}

    def __call__(self, sample: Sample, pixels: LoadPixels | None = None) -> Landmarks | None:
        """Landmarks of the sample's face. Raises LandmarkError if none is found."""
        if pixels is None:
            return None
        image = pixels()
        box = self.boxes.get(sample.id)
        return self.detect(image, box if box is not None else self.find_face(image, sample.id))

    def find_face(self, bgr: NDArray[np.uint8], name: str = "picture") -> Box:
        """The face nearest the picture's centre for its size, by YuNet. Raises LandmarkError without one."""
        if self._faces is None:
            path = str(find_weights(FACE_NET, self._weights))
            self._faces = cv2.FaceDetectorYN.create(path, "", (0, 0), _SCORE, _OVERLAP)
        height, width = bgr.shape[:2]
        self._faces.setInputSize((width, height))
        _, found = self._faces.detect(bgr)
        if found is None or len(found) == 0:
            raise LandmarkError(f"{name}: no face found; give a box or a landmark file for it")
        x, y, w, h = np.asarray(found, dtype=np.float64)[:, :4].T
        off = np.hypot(x + w / 2 - width / 2, y + h / 2 - height / 2) / np.hypot(width, height)
        best = int(np.argmax(w * h * np.exp(-((off / 0.25) ** 2))))
        return float(x[best]), float(y[best]), float(x[best] + w[best]), float(y[best] + h[best])

    def detect(self, bgr: NDArray[np.uint8], box: Box) -> Landmarks:
        """Landmarks of the face in ``box`` of a BGR picture (h, w, 3)."""
        x0, y0, x1, y1 = box
        if not (np.isfinite(box).all() and x1 > x0 and y1 > y0):
            raise LandmarkError(f"face box {box} is empty; expected (x0, y0, x1, y1) in pixels")
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        self._network = self._network or self._load()
        faces = self._network.get_landmarks_from_image(rgb, detected_faces=[np.array([*box, 1.0])])
        if not faces:
            raise LandmarkError("the landmark network returned no face")
        return Landmarks.of(np.asarray(faces[0], dtype=np.float64)[:, :2], "detector")


def _load_network(weights: Path, device: str, flip: bool) -> Any:
    try:
        import face_alignment
    except ImportError as error:
        raise MissingDependency(
            "landmark detection needs face-alignment and torch: pip install 'maskgen[detect]'"
        ) from error
    with _offline(weights):
        try:
            return face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_HALF_D,
                device=device,
                flip_input=flip,
                face_detector=_BOXES_MODULE,
                compile=False,
            )
        except TypeError as error:  # older versions know no `compile`
            raise MissingDependency(
                "landmark detection needs face-alignment 1.5 or newer: pip install -U face-alignment"
            ) from error
        except (pickle.UnpicklingError, EOFError) as error:
            raise UsageError(f"{weights}: no PyTorch weights file; fetch {LANDMARK_NET} again") from error
        except (RuntimeError, KeyError, ValueError, AttributeError, OSError) as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise UsageError(f"{weights}: not the weights of {LANDMARK_NET} ({first})") from error


class _NoDetector:
    """Stands where the library wants a face detector; boxes are always handed over instead."""

    reference_scale = _REFERENCE_SCALE

    def __init__(self, **_: Any) -> None:
        pass


@contextmanager
def _offline(weights: Path) -> Iterator[None]:
    """While the network is built: its file is ``weights``, and its face detector needs none."""
    import face_alignment.api as api

    def local(url: str, *_: Any, **__: Any) -> str:
        if url.rsplit("/", 1)[-1] != LANDMARK_NET:
            raise UsageError(f"face-alignment asked for {url}, which this version of it should not need")
        return str(weights)

    module = types.ModuleType(f"face_alignment.detection.{_BOXES_MODULE}")
    module.FaceDetector = _NoDetector  # type: ignore[attr-defined]
    original = api.load_file_from_url
    sys.modules[module.__name__] = module
    api.load_file_from_url = local
    try:
        yield
    finally:
        api.load_file_from_url = original
        del sys.modules[module.__name__]
