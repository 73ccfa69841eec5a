"""Masks at training time: RandomMask in a torch Dataset, drawn anew in every worker and every epoch.

python examples/training_time_masks.py AFLW2000
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from maskgen.datasets import recognise
from maskgen.errors import MaskgenError
from maskgen.io.images import read_image
from maskgen.landmarks import apparent_pose, landmarks_for
from maskgen.transforms import RandomMask


class Faces:
    """A Dataset for torch (which needs no base class for it): every second face wears a mask."""

    def __init__(self, root: Path, seed: int = 0) -> None:
        fmt = recognise(root)
        if fmt is None:
            raise MaskgenError(f"{root} holds no dataset that maskgen knows")
        self.root, self.fmt, self.entries = root, fmt, list(fmt.index(root))
        self.mask = RandomMask(probability=0.5, seed=seed, rgb=True)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """RGB picture, angles in degrees, and whether there is a mask."""
        sample = self.fmt.read(self.root, self.entries[index])
        rgb = np.ascontiguousarray(read_image(self.root / sample.entry.image).bgr[..., ::-1])
        face = {"image": rgb, "landmarks": landmarks_for(sample), "pose": apparent_pose(sample)}
        masked = self.mask(face)
        return {"image": masked["image"], "angles": sample.label_angles, "masked": masked["masked"]}


def main(root: Path) -> int:
    """Two epochs, by two workers where torch is there; 2 where the folder holds no dataset."""
    try:
        faces = Faces(root)
    except MaskgenError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    try:
        import torch
    except ImportError:
        print("no torch here, so no workers:", [faces[index]["masked"] for index in range(len(faces))])
        return 0
    torch.manual_seed(1)  # a run repeats; an epoch does not repeat another
    for epoch in range(2):
        loader = torch.utils.data.DataLoader(faces, batch_size=None, num_workers=2)  # type: ignore[arg-type]
        print(f"epoch {epoch}: masked {[int(item['masked']) for item in loader]}")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
