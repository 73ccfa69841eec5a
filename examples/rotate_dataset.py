"""Write the rotated twin of a dataset from Python, and read one turned label back.

python examples/rotate_dataset.py AFLW2000 AFLW2000_rotated
"""

from __future__ import annotations

import sys
from pathlib import Path

from maskgen.datasets import recognise
from maskgen.errors import MaskgenError
from rotaug.plan import AngleRange, Angles
from rotaug.rotate import Turn
from rotaug.run import rotate_dataset


def main(root: Path, out: Path) -> int:
    """Turn every picture by an angle that makes roll evenly spread; 2 where that cannot be."""
    try:
        fmt = recognise(root)
        if fmt is None:
            raise MaskgenError(f"{root} holds no dataset that maskgen knows")
        result = rotate_dataset(
            fmt, root, out, Angles(AngleRange(-45, 45), balance="roll", seed=1), Turn(border="replicate")
        )
    except MaskgenError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"{result.statuses['ok']} of {result.statuses.total()} pictures are in {out}")
    sample = fmt.read(out, next(iter(fmt.index(out))))
    if sample.label_angles is not None:
        print(f"{sample.id}: yaw {{:.1f}}, pitch {{:.1f}}, roll {{:.1f}}".format(*sample.label_angles))
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
