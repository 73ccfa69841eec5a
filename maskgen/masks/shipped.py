"""Data files of the painter that are no styles: it reads no files itself."""

from __future__ import annotations

import gzip
import zlib
from importlib import resources

from ..errors import UsageError

#: the networks that look for occluders: ONNX, packed by gzip (`python -m tools.occluder_net` makes them)
GLANCE, HAIR = "occluder_glance.onnx.gz", "occluder_hair.onnx.gz"
LOOK_1, LOOK_2 = "occluder_look_1.onnx.gz", "occluder_look_2.onnx.gz"


def occluder_weights(name: str) -> bytes:
    """A network that looks for occluders, GLANCE, LOOK_1, LOOK_2 or HAIR, as ONNX.

    Raises UsageError where it is missing or broken.
    """
    try:
        return gzip.decompress(resources.files(__package__).joinpath(name).read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(
            f"maskgen/masks/{name}, weights of the search for occluders, cannot be read ({error}); "
            "they come with the package: install maskgen again"
        ) from None
