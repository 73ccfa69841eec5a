"""rotaug: in-plane rotation of head-pose datasets, with yaw, pitch and roll that stay true."""

from __future__ import annotations

from typing import Any

__all__ = ["RandomFlip", "RandomRotation"]


def __getattr__(name: str) -> Any:
    # the transforms bring NumPy and OpenCV along; `rotaug --help` needs neither
    if name in __all__:
        from . import transform

        return getattr(transform, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
