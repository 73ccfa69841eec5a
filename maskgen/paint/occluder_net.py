"""The network that says of each pixel of the face's crop whether something lies in front of it.

A small U-Net, run by OpenCV. Its weights ship with the package; they were learned on heads that
`maskgen synth` drew and things that `tools/occluder_net` put in front of them, never on a photograph.
"""

from __future__ import annotations

import gzip
import threading
import zlib
from functools import lru_cache
from importlib import resources

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from .occluder_frame import FACE_X

F32 = NDArray[np.float32]
#: ONNX, packed by gzip
WEIGHTS = "occluder.onnx.gz"
#: a network of OpenCV keeps its buffers: each thread has its own
_own = threading.local()


@lru_cache(maxsize=1)
def _weights() -> NDArray[np.uint8]:
    try:
        data = gzip.decompress(resources.files(__package__).joinpath(WEIGHTS).read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(
            f"maskgen/paint/{WEIGHTS}, the weights of the search for occluders, cannot be read ({error}); "
            "they come with the package: install maskgen again"
        ) from None
    return np.frombuffer(data, np.uint8)


def logits(channels: F32) -> F32:
    """Log odds (h, w) that something lies before each pixel of ``channels`` (CHANNELS, h, w)."""
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
