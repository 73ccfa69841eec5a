"""Speed and memory of maskgen apply, as ratios within one run: what the machine is does not matter.

    python benchmarks/apply.py                       on synthetic datasets written for the occasion
    python benchmarks/apply.py --root DIR [...]      on real ones

Every figure is the best of several runs in turn, for other programs only ever slow one down.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from maskgen.jobs.parallel import pin_threads, single_threaded  # noqa: E402

pin_threads()

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from maskgen.apply_one import ApplyOptions, MaskOne, Templates  # noqa: E402
from maskgen.datasets import recognise  # noqa: E402
from maskgen.datasets.base import DatasetFormat  # noqa: E402
from maskgen.errors import LandmarkError  # noqa: E402
from maskgen.geometry.landmarks import Landmarks  # noqa: E402
from maskgen.geometry.pose import HeadPose  # noqa: E402
from maskgen.io.files import atomic_write  # noqa: E402
from maskgen.io.images import decode_image, encode_like  # noqa: E402
from maskgen.landmarks import apparent_pose, landmarks_for, parse_sources  # noqa: E402
from maskgen.masks.spec import MaskDraw  # noqa: E402
from maskgen.paint.pipeline import default_painter  # noqa: E402
from maskgen.paint.types import Painted  # noqa: E402
from maskgen.recipe import Recipe  # noqa: E402

#: the asked-for figures
LIMITS = {"end to end": 3.0, "two jobs": 1.8, "help": 0.3, "memory": 1.15}


def fakes(folder: Path) -> list[Path]:
    from tests.fakes.fakes import write_fake

    return [write_fake(name, folder) for name in ("AFLW2000", "300W-LP", "BIWI")]


def best(runs: int, *calls: Callable[[], None]) -> list[float]:
    """Least seconds of each call, alternating."""
    least = [float("inf")] * len(calls)
    for _ in range(runs):
        for number, call in enumerate(calls):
            start = time.perf_counter()
            call()
            least[number] = min(least[number], time.perf_counter() - start)
    return least


class Clocked:
    """The shipped painter and the processor seconds spent in it; also what `ApplyOptions` makes it by."""

    def __init__(self) -> None:
        self.painter, self.seconds = default_painter(), 0.0

    def __call__(self) -> Clocked:
        return self

    def paint(
        self, image: NDArray[np.uint8], landmarks: Landmarks, pose: HeadPose | None, draw: MaskDraw
    ) -> Painted:
        start = time.thread_time()
        try:
            return self.painter.paint(image, landmarks, pose, draw)
        finally:
            self.seconds += time.thread_time() - start


def end_to_end(fmt: DatasetFormat, root: Path, out: Path, images: int, runs: int) -> dict[str, float]:
    """Apply against decoding, encoding and writing the same files, one core, kernels warm.

    Processor time of one thread, the least of several runs for each picture: by the clock, other programs
    would nearly always get in between while a picture is painted, and seldom while it is only decoded and
    encoded. On an idle machine the two agree, for nothing here waits for the disk. beside_ms: what apply
    takes beside painting and that codec: labels, draws, checks, hashes, files of labels.
    """
    entries = list(fmt.index(root))
    entries = entries[:: max(1, len(entries) // images)][:images]
    recipe = Recipe().resolved(Templates().catalogue())
    painter = Clocked()
    work = MaskOne(fmt, root, out / "masked", recipe, ApplyOptions(painter=painter))
    codec_s, apply_s, painting_s = np.full((3, len(entries)), np.inf)
    work(entries[0])
    for _ in range(runs):
        for at, entry in enumerate(entries):
            start = time.thread_time()
            source = decode_image((root / entry.image).read_bytes(), entry.image.name)
            atomic_write(out / "codec" / entry.image, encode_like(source, source.bgr), sync=False)
            codec_s[at] = min(codec_s[at], time.thread_time() - start)
        for at, entry in enumerate(entries):
            painter.seconds, start = 0.0, time.thread_time()
            work(entry)
            apply_s[at] = min(apply_s[at], time.thread_time() - start)
            painting_s[at] = min(painting_s[at], painter.seconds)
    codec, whole, painting = (1e3 * float(s.mean()) for s in (codec_s, apply_s, painting_s))
    return {
        "images": len(entries),
        "codec_ms": codec,
        "apply_ms": whole,
        "painting_ms": painting,
        "beside_ms": whole - painting - codec,
        "ratio": whole / codec,
    }


def painting(fmt: DatasetFormat, root: Path, images: int, runs: int, style: str) -> dict[str, float]:
    """Painting alone, pixels to pixels, against decoding and encoding the same pictures in memory.

    Processor time of one thread; of each picture the least of several runs counts.
    """
    painter, sources, draw = default_painter(), parse_sources("native,projected"), MaskDraw(style, seed=1)
    entries = list(fmt.index(root))
    paint_s, codec_s = [], []
    for entry in entries[:: max(1, len(entries) // images)][:images]:
        sample, data = fmt.read(root, entry), (root / entry.image).read_bytes()
        bgr, name = decode_image(data, entry.image.name).bgr, entry.image.name
        landmarks, pose = landmarks_for(sample, sources), apparent_pose(sample)
        least = [float("inf")] * 2
        try:
            for _ in range(runs + 1):
                start = time.thread_time()
                painter.paint(bgr, landmarks, pose, draw)
                painted = time.thread_time()
                encode_like(decode_image(data, name), bgr)
                least = [min(least[0], painted - start), min(least[1], time.thread_time() - painted)]
        except LandmarkError:
            continue
        paint_s.append(1e3 * least[0])
        codec_s.append(1e3 * least[1])
    median, codec = statistics.median(paint_s), statistics.median(codec_s)
    slow = sorted(paint_s)[min(len(paint_s) - 1, int(0.99 * len(paint_s)))]
    return {"images": len(paint_s), "ms": median, "p99_ms": slow, "codec_ms": codec, "ratio": median / codec}


def many(root: Path, fmt: DatasetFormat, folder: Path, count: int) -> Path:
    """A flat AFLW2000 of ``count`` links to the pictures of another."""
    folder.mkdir()
    entries = list(fmt.index(root))
    for number in range(count):
        entry = entries[number % len(entries)]
        for name in (entry.image, *entry.labels):
            (folder / f"image{number:05d}{name.suffix}").symlink_to((root / name).resolve())
    return folder


def command(root: Path, out: Path, *options: str) -> list[str]:
    call = [sys.executable, "-m", "maskgen", "apply", "--dataset", "AFLW2000", "--root", str(root)]
    return [*call, "--out", str(out), "--quiet", "--overwrite", "--max-failures", "100%", *options]


def two_jobs(root: Path, out: Path, runs: int) -> dict[str, float]:
    """The whole command, starting included, with two workers against one."""

    def with_jobs(jobs: int) -> None:
        subprocess.run(command(root, out / f"jobs{jobs}", "--jobs", str(jobs)), cwd=ROOT, check=True)

    one, two = best(runs, lambda: with_jobs(1), lambda: with_jobs(2))
    return {"images": len(list(root.glob("*.jpg"))), "one_s": one, "two_s": two, "ratio": one / two}


def help_time(runs: int) -> float:
    call = [sys.executable, "-m", "maskgen", "--help"]

    def help_once() -> None:
        subprocess.run(call, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    return best(runs, help_once)[0]


def peak_mb(call: list[str]) -> float:
    """Peak resident memory of a command, MB; measured in a process of its own so that none hides another."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", script, *call], cwd=ROOT, check=True, capture_output=True)
    return int(done.stdout.split()[-1]) / (1e6 if sys.platform == "darwin" else 1e3)


def memory(root: Path, fmt: DatasetFormat, folder: Path, count: int) -> dict[str, float]:
    """Peak memory over four times as many pictures."""
    few = many(root, fmt, folder / "few", count)
    lots = many(root, fmt, folder / "lots", 4 * count)
    peaks = [peak_mb(command(data, folder / "out")) for data in (few, lots)]
    return {"images": count, "mb": peaks[0], "mb_4x": peaks[1], "ratio": peaks[1] / peaks[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", type=Path, action="append", help="a dataset; may be given again")
    parser.add_argument("--images", type=int, default=60, help="pictures per dataset")
    parser.add_argument("--painted", type=int, default=300, help="pictures per dataset that are only painted")
    parser.add_argument("--crowd", type=int, default=3000, help="pictures for two jobs against one")
    parser.add_argument("--runs", type=int, default=5, help="repetitions, the best counts")
    parser.add_argument("--json", type=Path, help="write the figures here, too")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="maskgen-bench-"))
    try:
        with single_threaded():  # as every worker of maskgen runs
            figures = measure(options, folder)
    finally:
        shutil.rmtree(folder)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


def measure(options: argparse.Namespace, folder: Path) -> dict[str, object]:
    roots = options.root or fakes(folder / "fakes")
    figures: dict[str, object] = {"cores": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}
    print(f"{figures['cores']} cores, load {figures['load']:.1f}, {resource.getpagesize()} B pages")
    flat: tuple[Path, DatasetFormat] | None = None
    for root in roots:
        fmt = recognise(root)
        if fmt is None:
            raise SystemExit(f"{root}: no dataset recognised")
        if fmt.name == "AFLW2000":
            flat = root, fmt
        found = end_to_end(fmt, root, folder / fmt.name, options.images, options.runs)
        figures[f"end to end {fmt.name}"] = found
        show(f"end to end {fmt.name}", found, f"<= {LIMITS['end to end']} asked")
        for style in ("surgical", "n95"):
            found = painting(fmt, root, options.painted, options.runs, style)
            figures[f"painting {style} {fmt.name}"] = found
            show(f"painting {style} {fmt.name}", found, "<= 5 ms, <= 12 ms at p99 asked")
    figures["help_s"] = help_time(options.runs)
    print(f"{'maskgen --help':<22} {figures['help_s']:.3f} s   (<= {LIMITS['help']} asked)")
    if flat is not None:
        crowd = many(*flat, folder / "crowd", options.crowd)
        figures["two jobs"] = two_jobs(crowd, folder, max(1, options.runs // 3))
        show("two jobs", figures["two jobs"], f">= {LIMITS['two jobs']} asked")
        figures["memory"] = memory(*flat, folder, options.images)
        show("memory", figures["memory"], "flat asked")
    return figures


def show(name: str, found: object, asked: str) -> None:
    assert isinstance(found, dict)
    parts = [f"{key} {value:.4g}" for key, value in found.items() if key != "ratio"]
    print(f"{name:<22} ratio {found['ratio']:.2f}   ({asked}; {', '.join(parts)})")


if __name__ == "__main__":
    main()
