"""Masks at training time: a callable that paints a fresh mask at every call.

    from maskgen.transforms import RandomMask
    mask = RandomMask(probability=0.5, seed=0)
    item = mask({"image": image, "landmarks": landmarks, "pose": pose})      # dictionary in, dictionary out

It draws by the same rules as `maskgen apply` (recipe.py), from a counter: call n of a transform with one seed
paints the same mask everywhere. Workers of a torch DataLoader draw masks of their own, new in every epoch and
repeatable through torch's seed; `mask(item, key=(epoch, index))` makes a draw depend on that key alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import LandmarkError
from .geometry.landmarks import Landmarks
from .geometry.pose import HeadPose
from .jobs.streams import loader_worker
from .paint.pipeline import Painter
from .paint.types import Painted
from .recipe import Recipe, draw


class RandomMask:
    """Paint a mask, drawn anew at each call, with a probability.

    recipe: what is drawn (styles, colours, fabrics, wear); its own seed and share are replaced by `seed` and
    `probability` (0..1). stream: an int that separates transforms of one seed. rgb: pictures come and go as
    RGB, as Pillow and albumentations have them, and not as OpenCV's BGR. Picklable; a copy continues from the
    count it was pickled with.
    """

    def __init__(
        self,
        recipe: Recipe | None = None,
        probability: float = 0.5,
        seed: int = 0,
        stream: int = 0,
        painter: Painter | None = None,
        *,
        rgb: bool = False,
    ) -> None:
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"probability must lie in 0..1, got {probability}")
        self.recipe = recipe if recipe is not None else Recipe()
        self.probability = probability
        self.seed = seed
        self.stream = stream
        self.rgb = rgb
        self.calls = 0
        self._painter = painter
        self._drawn_from: Recipe | None = None

    def __getstate__(self) -> dict[str, Any]:
        # caches are made anew where they are used
        return {**self.__dict__, "_painter": None, "_drawn_from": None}

    @property
    def painter(self) -> Painter:
        """The painter, made on first use."""
        if self._painter is None:
            self._painter = Painter()
        return self._painter

    def _resolved(self) -> Recipe:
        if self._drawn_from is None:
            own = replace(self.recipe, seed=self.seed, share=self.probability)
            self._drawn_from = own.resolved(self.painter.catalogue)
        return self._drawn_from

    def _name(self, key: object) -> str:
        """What this call's draw depends on, beside the seed."""
        if key is not None:
            return f"{self.stream}/key/{key}"
        worker = loader_worker()
        self.calls += 1
        return "/".join(filter(None, (str(self.stream), worker, str(self.calls - 1))))

    def paint(
        self,
        image: NDArray[np.uint8],
        landmarks: Landmarks,
        pose: HeadPose | None = None,
        *,
        key: object = None,
    ) -> Painted | None:
        """The next mask on this face, or None where the draw, or the face, says none.

        image: (h, w, 3) uint8 BGR, whatever `rgb` says. landmarks: 0-based pixels. pose: in the camera's
        frame, None to take it from the landmarks. key: anything with a text of its own, on which the draw
        then depends instead of on the count of calls.
        """
        drawn = draw(self._resolved(), self._name(key))
        if drawn is None:
            return None
        try:
            return self.painter.paint(image, landmarks, pose, drawn)
        except LandmarkError:
            return None  # a face no mask can be placed on goes into training as it is

    def __call__(
        self, item: Mapping[str, Any] | None = None, /, *, key: object = None, **named: Any
    ) -> dict[str, Any]:
        """Albumentations-style: a dictionary (or keywords) with "image", "landmarks" and perhaps "pose".

        landmarks: `Landmarks` or (68, 2 or 3). pose: `HeadPose`, (3, 3), or (yaw, pitch, roll) in degrees.
        key: as for `paint`; it is no part of the item. Returns a new dictionary: image replaced, "mask_alpha"
        (h, w) float32 and "masked" (bool) added, all else passed through.
        """
        out = dict(item) if item is not None else {}
        out.update(named)
        for name in ("image", "landmarks"):
            if name not in out:
                raise KeyError(f"RandomMask needs {name!r} in its input; it has {sorted(out)}")
        bgr = _turned_round(out["image"]) if self.rgb else out["image"]
        painted = self.paint(bgr, _landmarks(out["landmarks"]), _pose(out.get("pose")), key=key)
        out["masked"] = painted is not None
        if painted is not None:
            out["image"] = _turned_round(painted.image) if self.rgb else painted.image
            out["mask_alpha"] = painted.alpha
        else:
            out["mask_alpha"] = np.zeros(out["image"].shape[:2], np.float32)
        return out


def _turned_round(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB as BGR, and back."""
    return np.ascontiguousarray(image[..., ::-1])


def _landmarks(value: Landmarks | ArrayLike) -> Landmarks:
    return value if isinstance(value, Landmarks) else Landmarks.of(value, "given")


def _pose(value: HeadPose | ArrayLike | None) -> HeadPose | None:
    if value is None or isinstance(value, HeadPose):
        return value
    a = np.asarray(value, dtype=np.float64)
    return HeadPose(a) if a.shape == (3, 3) else HeadPose.from_euler(*a)
