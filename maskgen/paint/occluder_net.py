"""The networks that say of each pixel of the face's crop whether something lies in front of it.

Small U-Nets, run by OpenCV: a quick one for every face, and two for those before which it suspects something;
then all are asked, of the face and of its mirror image, for the mistakes of one are seldom those of the
others. One more looks for hair that hangs over the face. Their weights ship with the package; they were
learned on heads that `maskgen synth` drew and things that `tools/occluder_net` put in front of them, never on
a photograph.
"""

from __future__ import annotations

import threading
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ..masks import shipped
from ..masks.shipped import occluder_weights
from .occluder_frame import FACE_X, SIDE

F32 = NDArray[np.float32]
#: the log odds are no larger: a network that is wrong and very sure of it shall not outvote the other
_SUREST, _SUREST_HAIR = np.float32(3.0), np.float32(4.0)
#: a network of OpenCV keeps its buffers: each thread has its own
_own = threading.local()


@lru_cache(maxsize=4)
def _weights(name: str) -> NDArray[np.uint8]:
    return np.frombuffer(occluder_weights(name), np.uint8)


def _log_odds(name: str, channels: F32) -> F32:
    """What the network ``name`` says of ``channels`` (CHANNELS, SIDE, SIDE), (SIDE, SIDE)."""
    net = getattr(_own, name, None)
    if net is None:
        net = cv2.dnn.readNetFromONNX(_weights(getattr(shipped, name)))
        setattr(_own, name, net)
    net.setInput(channels[None])
    out = np.asarray(net.forward(), np.float32)
    # the pixels of each square of step by step come as channels
    side = out.shape[-1]
    step = SIDE // side
    return out.reshape(step, step, side, side).transpose(2, 0, 3, 1).reshape(SIDE, SIDE)


def glance(channels: F32) -> F32:
    """Log odds (SIDE, SIDE) that something lies before each pixel of ``channels`` (CHANNELS, SIDE, SIDE).

    Raises UsageError where the installation lacks the weights.
    """
    return _log_odds("GLANCE", channels)


def look(channels: F32, glanced: F32) -> F32:
    """The same, by all three, within +-3. ``glanced``: of `glance`, which counts as much as both others."""
    closer = np.float32(0.5) * (_log_odds("LOOK_1", channels) + _log_odds("LOOK_2", channels))
    both = (np.clip(odds, -_SUREST, _SUREST) for odds in (glanced, closer))
    return np.asarray(0.5 * sum(both), np.float32)


def look_in_mirror(channels: F32) -> F32:
    """The same, by all three asked of the mirrored face, turned back."""
    other = _mirrored(channels)
    return np.ascontiguousarray(look(other, glance(other))[:, ::-1])


def hair(channels: F32) -> F32:
    """Log odds (SIDE, SIDE) that hair hangs before each pixel of ``channels``, within +-4."""
    return np.clip(_log_odds("HAIR", channels), -_SUREST_HAIR, _SUREST_HAIR)


def hair_in_mirror(channels: F32) -> F32:
    """The same of the mirrored face, turned back."""
    return np.ascontiguousarray(hair(_mirrored(channels))[:, ::-1])


def _mirrored(channels: F32) -> F32:
    other = np.ascontiguousarray(channels[:, :, ::-1])
    other[FACE_X] *= -1.0
    return other
