"""Where network weights for the detector are looked for; nothing is ever downloaded."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import UsageError

VARIABLE = "MASKGEN_WEIGHTS"
#: what each file is for and where it can be had
LANDMARK_NET = "3DFAN4-7835d9f11d.pth.tar"
FACE_NET = "face_detection_yunet_2023mar.onnx"
SOURCES = {
    LANDMARK_NET: "https://www.adrianbulat.com/downloads/python-fan/3DFAN4-7835d9f11d.pth.tar",
    FACE_NET: "https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
}


def weight_folders(given: Path | None = None) -> tuple[Path, ...]:
    """Folders searched for weights, in order: ``given``, $MASKGEN_WEIGHTS, torch's own download folder."""
    named = os.environ.get(VARIABLE)
    home = Path(os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch").expanduser()
    folders = [Path(given).expanduser()] if given is not None else []
    folders += [Path(named).expanduser()] if named else []
    return (*folders, home / "hub" / "checkpoints")


def find_weights(name: str, given: Path | None = None) -> Path:
    """The weights file of this name; ``given`` may be a folder or the file itself.

    Raises UsageError with the file's name, its source and the folders where it may be put.
    """
    folders = weight_folders(given)
    for folder in folders:
        for path in (folder / name, folder):
            if path.name == name and path.is_file():
                return path
    raise UsageError(
        f"detector weights {name} are not in {' or '.join(map(str, folders))}; get them from "
        f"{SOURCES.get(name, 'their publisher')} and put the file there, or name its folder in {VARIABLE}"
    )
