"""The network that says of each pixel of the face's crop whether something lies in front of it.

A small U-Net, run by OpenCV. Its weights ship with the package; they were learned on heads that
`maskgen synth` drew and things that `tools/occluder_net` put in front of them, never on a photograph.
"""

from __future__ import annotations

import threading
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..masks.shipped import occluder_weights
from .occluder_frame import FACE_X

F32 = NDArray[np.float32]
#: a network of OpenCV keeps its buffers: each thread has its own
_own = threading.local()


@lru_cache(maxsize=1)
def _weights() -> NDArray[np.uint8]:
    return np.frombuffer(occluder_weights(), np.uint8)


def logits(channels: F32) -> F32:
    """Log odds (h, w) that something lies before each pixel of ``channels`` (CHANNELS, h, w).

    Raises UsageError where the installation lacks the weights.
    """
    net = getattr(_own, "net", None)
    if net is None:
        net = _own.net = cv2.dnn.readNetFromONNX(_weights())
    net.setInput(channels[None])
    return np.asarray(net.forward(), np.float32).reshape(channels.shape[1:])


def mirrored_logits(channels: F32) -> F32:
    """The same, asked of the mirrored face and turned back."""
    other = np.ascontiguousarray(channels[:, :, ::-1])
    other[FACE_X] *= -1.0
    return np.ascontiguousarray(logits(other)[:, ::-1])
