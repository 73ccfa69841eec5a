"""Synthetic heads a second on one core, and how many JPEG round trips of the same pictures one head costs.

    python benchmarks/synth.py [-n 24] [--rounds 5]

A head is everything from the random draw to the bytes of a 450-px JPEG file: person, light, background, mesh,
shadow, shading, film; skin and hair kept from an earlier round are thrown away. `plain` has no strands of
hair, brows and lashes; `full` has all. Every head is timed in every round, in the thread's own CPU time, and
its best counts, so that what else the machine does matters little; the ratio to a JPEG round trip (decode and
encode, the same core, the same rounds) matters less still.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from maskgen.jobs.parallel import single_threaded
from maskgen.synth.draws import generator
from maskgen.synth.hair import scalp_hair
from maskgen.synth.photo import Shot, compose, jpeg_bytes, take_photo
from maskgen.synth.poses import draw_angles
from maskgen.synth.skin import bake


def head(number: int, detail: bool) -> bytes:
    """One picture of somebody never seen before, from its number."""
    bake.cache_clear()
    scalp_hair.cache_clear()
    angles = draw_angles(generator(0, "bench", number), "300W-LP", "like-original")
    shot = Shot(f"bench {number}", f"bench {number}", 0, angles, angles)
    scene, film, exposure = compose(0, shot)
    return jpeg_bytes(take_photo(0, shot, replace(scene, detail=detail), film, exposure).bgr)


def round_trip(data: bytes) -> None:
    """Decode and encode a picture once."""
    image = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
    cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 75])


def best(works: Sequence[Callable[[], object]], rounds: int) -> NDArray[np.float64]:
    """Least CPU seconds of each piece of work."""
    times = np.full((rounds, len(works)), np.inf)
    for turn in range(rounds):
        for index, work in enumerate(works):
            start = time.thread_time()
            work()
            times[turn, index] = time.thread_time() - start
    least: NDArray[np.float64] = times.min(axis=0)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", type=int, default=24, help="heads")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with single_threaded():
        files = [head(number, True) for number in range(given.n)]  # compiles and warms up
        jpeg = best([partial(round_trip, data) for data in files], given.rounds)
        found: dict[str, float] = {"jpeg_ms": round(1e3 * float(jpeg.mean()), 2)}
        for name, detail in (("plain", False), ("full", True)):
            seconds = best([partial(head, number, detail) for number in range(given.n)], given.rounds)
            found[f"{name}_ms"] = round(1e3 * float(seconds.mean()), 1)
            found[f"{name}_heads_per_second"] = round(1.0 / float(seconds.mean()), 1)
            found[f"{name}_in_jpeg_round_trips"] = round(float(seconds.mean() / jpeg.mean()), 1)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
