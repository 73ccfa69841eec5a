"""Poses of the faces in one frame: a network, a way to find faces where it has none of its own, and crops."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import LandmarkError, MissingDependency, UsageError
from ..geometry.rotation import Array
from ..landmarks.weights import FACE_NET, find_weights
from ..sample import Box
from . import checkpoint
from .contract import HeadPoseModel, InputSpec, prepare
from .crops import crop, get_policy
from .detection.detector import RetinaPose

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a frame: R (3, 3) in frame C, box (4,) and points5 (5, 2) in pixels, score 0..1."""

    R: Array
    box: Array
    points5: Array | None
    score: float


#: BGR frame -> (box (x0, y0, x1, y1), points5 (5, 2) or None, score) of every face
FaceFinder = Callable[[Pixels], list[tuple[Box, Array | None, float]]]


class YuNet:
    """Faces by OpenCV's YuNet. weights: its .onnx file or its folder; None looks in $MASKGEN_WEIGHTS.

    Raises UsageError if it is not found or cannot be loaded.
    """

    def __init__(self, weights: Path | None = None, threshold: float = 0.6) -> None:
        path = find_weights(FACE_NET, weights)
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (0, 0), threshold, 0.3)
        except cv2.error as error:
            raise UsageError(f"{path} is not the ONNX file of the YuNet face detector") from error

    def __call__(self, bgr: Pixels) -> list[tuple[Box, Array | None, float]]:
        """Boxes, points and scores, best first."""
        self._net.setInputSize((bgr.shape[1], bgr.shape[0]))
        _, found = self._net.detect(bgr)
        faces: list[tuple[Box, Array | None, float]] = []
        for row in [] if found is None else np.asarray(found, dtype=np.float64):
            x, y, w, h = (float(v) for v in row[:4])
            faces.append(((x, y, x + w, y + h), row[4:14].reshape(5, 2), float(row[14])))
        return sorted(faces, key=lambda f: -f[2])


class FramePoser:
    """Calls a network on whole frames. Networks of ``detection`` kind find the faces; others need ``finder``.

    Raises UsageError for a network that needs a finder and has none.
    """

    def __init__(
        self, model: HeadPoseModel | OnnxGraph, finder: FaceFinder | None = None, device: str = "cpu"
    ) -> None:
        self.model, self.finder, self.device = model, finder, torch.device(device)
        self.spec = model.input_spec
        if isinstance(model, HeadPoseModel):
            model.to(self.device).eval()
        if self.spec.crop != "frame" and finder is None:
            raise UsageError(
                f"{model.name} looks at crops of faces and finds none itself; give a face detector "
                f"({FACE_NET}), or use a retinapose network"
            )

    def __call__(self, bgr: Pixels) -> list[Face]:
        """The faces of a BGR frame (h, w, 3), best first."""
        if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
            raise UsageError(f"a frame is uint8 BGR of shape (h, w, 3), got {bgr.dtype} {bgr.shape}")
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        return self._whole(rgb) if self.spec.crop == "frame" else self._crops(bgr, rgb)

    def _whole(self, rgb: Pixels) -> list[Face]:
        policy = get_policy("frame")
        h, w = rgb.shape[:2]
        side = policy.test_box((0.0, 0.0, w, h), (w, h))
        images = prepare(np.stack([crop(rgb, side, self.spec.size)]), self.spec).to(self.device)
        scale = float(max(w, h))
        if isinstance(self.model, RetinaPose):
            found = {k: v.float().cpu().numpy() for k, v in self.model.detect(images)[0].items()}
        elif isinstance(self.model, OnnxGraph):
            found = self.model.first_face(images)
        else:
            raise UsageError(
                f"{self.model.name} looks at whole frames but gives no boxes; it cannot be drawn"
            )
        return [
            Face(r.astype(np.float64), box * scale, points * scale, float(score))
            for r, box, points, score in zip(
                found["R"], found["box"], found["points5"], found["score"], strict=True
            )
        ]

    def _crops(self, bgr: Pixels, rgb: Pixels) -> list[Face]:
        assert self.finder is not None
        policy = get_policy(self.spec.crop)
        size = (bgr.shape[1], bgr.shape[0])
        faces, crops = [], []
        for box, points, score in self.finder(bgr):
            try:
                wide = policy.test_box(box, size, detector=True)
                crops.append(crop(rgb, wide, self.spec.size, policy.resize))
            except LandmarkError:
                # a box at the edge whose crop lies outside the frame
                continue
            faces.append((np.asarray(box), points, score))
        if not faces:
            return []
        images = prepare(np.stack(crops), self.spec).to(self.device)
        with torch.inference_mode():
            if isinstance(self.model, HeadPoseModel):
                rotations = self.model(images).R.double().cpu().numpy()
            else:
                rotations = self.model.run(images)[0]
        return [Face(r, *face) for r, face in zip(rotations, faces, strict=True)]


class OnnxGraph:
    """A file of `maskgen export`: it says itself how its pictures are to be prepared."""

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise MissingDependency("an ONNX file needs onnxruntime: pip install 'maskgen[onnx]'") from None
        try:
            self.session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no common base for its errors
            raise UsageError(f"{path} cannot be read as an ONNX graph") from error
        meta = self.session.get_modelmeta().custom_metadata_map
        if "maskgen.input" not in meta:
            raise UsageError(f"{path} does not say how to prepare its pictures; write it with maskgen export")
        values = json.loads(meta["maskgen.input"])
        for key in ("mean", "std"):
            values[key] = None if values[key] is None else tuple(values[key])
        self.name, self.input_spec = meta["maskgen.network"], InputSpec(**values)

    def run(self, images: torch.Tensor, outputs: tuple[str, ...] = ("R",)) -> list[Any]:
        """The named outputs as arrays."""
        return list(self.session.run(list(outputs), {"images": images.cpu().numpy()}))

    def first_face(self, images: torch.Tensor, threshold: float = 0.5) -> dict[str, Any]:
        """The best face of one frame, in arrays of length 1, or of length 0 where its score is too low."""
        names = ("R", "score", "box", "points5")
        found = dict(zip(names, self.run(images, names), strict=True))
        return {k: v[found["score"] >= threshold] for k, v in found.items()}


def load_network(source: str | Path) -> HeadPoseModel | OnnxGraph:
    """The network of a checkpoint of `maskgen train`, an .onnx file, or a released FSA-Net .h5 file.

    Raises UsageError for anything else.
    """
    path = Path(source).expanduser()
    if path.suffix in (".h5", ".hdf5"):
        from .importers.fsanet_keras import load_fsanet

        return load_fsanet(path)
    if path.suffix == ".onnx":
        if not path.is_file():
            raise UsageError(f"no file {path}")
        return OnnxGraph(path)
    return checkpoint.restore_model(checkpoint.load(path), path)
