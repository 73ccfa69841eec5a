"""maskgen inspect: Show one sample: its labels in words, and landmarks and axes drawn on the picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import dataset_option, root_option

if TYPE_CHECKING:
    from ..datasets import DatasetFormat
    from ..geometry.landmarks import Landmarks
    from ..sample import Entry, Sample


@click.command("inspect")
@click.argument("sample_id", metavar="[ID]", required=False)
@dataset_option
@root_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw it into this PNG file."
)
@click.option(
    "--landmarks",
    "sources",
    default="native,projected",
    show_default=True,
    metavar="A,B",
    help="Where landmarks come from, first that knows: native, projected, files:FOLDER, detect.",
)
@click.option("--weights", type=click.Path(path_type=Path), metavar="DIR", help="Folder of network weights.")
@click.option("--zoom", type=click.IntRange(1, 8), default=2, show_default=True, help="Size of the drawing.")
def command(
    sample_id: str | None,
    dataset: str | None,
    root: Path | None,
    out: Path | None,
    sources: str,
    weights: Path | None,
    zoom: int,
) -> int:
    """Show one sample: its labels in words, and landmarks and axes drawn on the picture.

    ID is the picture's path in the dataset without its ending; the end of it is enough where only one sample
    has it. Without an ID the first sample is shown. In the drawing the person's right side is orange, the
    left light blue; axes: red to the person's left, green down, blue out of the face.

    \b
    maskgen inspect image00050 --dataset AFLW2000 --out look.png
    maskgen inspect 01/frame_00003 --dataset BIWI
    """
    from ..datasets import find_dataset
    from ..errors import LandmarkError, UsageError
    from ..landmarks import apparent_pose, landmarks_for, parse_sources

    if out is not None and out.suffix.lower() != ".png":
        raise UsageError(f"--out {out}: the drawing is a PNG; name it FILE.png")
    fmt, folder = find_dataset(dataset, root)
    entry = _find(fmt, folder, sample_id)
    sample = fmt.read(folder, entry)
    asked = parse_sources(sources, weights)
    problem = ""
    landmarks: Landmarks | None = None
    try:
        landmarks = landmarks_for(sample, asked, lambda: _pixels(folder, entry))
    except LandmarkError as error:
        problem = str(error)
    lines = _describe(fmt, sample, landmarks, problem)
    click.echo("\n".join(lines))
    pixels = _pixels(folder, entry)  # also where nothing is drawn: a picture cut short is to be told
    if out is not None:
        import cv2

        from ..io.files import atomic_write
        from ..landmarks.overlay import draw_labels

        picture = draw_labels(pixels, landmarks, apparent_pose(sample), zoom, tuple(lines[:4]))
        atomic_write(out, cv2.imencode(".png", picture)[1].tobytes())
        click.echo(f"drawn in {out}")
    return 0


def _pixels(root: Path, entry: Entry):  # type: ignore[no-untyped-def]
    from ..io.images import read_image

    return read_image(root / entry.image).bgr


def _find(fmt: DatasetFormat, root: Path, wanted: str | None) -> Entry:
    """The entry called ``wanted``, by its whole id or the end of it; the first one without a name."""
    from ..errors import UsageError

    if wanted is None:
        return next(iter(fmt.index(root)))
    name = wanted.replace("\\", "/")
    for ending in (".jpg", ".png"):
        name = name.removesuffix(ending)
    ends = []
    for entry in fmt.index(root):
        stem = str(entry.image.with_suffix(""))
        if name in (entry.id, stem):
            return entry
        if entry.id.endswith("/" + name) or stem.endswith("/" + name):
            ends.append(entry)
    if len(ends) == 1:
        return ends[0]
    if ends:
        several = ", ".join(entry.id for entry in ends[:4])
        raise UsageError(
            f"{wanted!r} is the end of {len(ends)} ids ({several}, ...); give more of the one meant"
        )
    first = next(iter(fmt.index(root))).id
    raise UsageError(f"no sample {wanted!r} in {fmt.name} at {root}; ids look like {first}")


def _describe(fmt: DatasetFormat, sample: Sample, landmarks: Landmarks | None, problem: str) -> list[str]:
    from ..landmarks import agreement_deg, apparent_pose

    width, height = sample.size
    lines = [f"{fmt.name} {sample.id}   {width} x {height}   group {fmt.group(sample.entry)}"]
    if sample.pose is None or sample.label_angles is None:
        lines.append("no pose label")
    else:
        kept = "" if fmt.protocol_valid(sample) else "   (dropped by the |angle| <= 99 protocol)"
        lines.append("label  " + _angles(sample.label_angles) + kept)
        if sample.calibration is not None and sample.rgb_pose is not None:
            lines.append("colour camera  " + _angles(sample.rgb_pose.euler()))
    if landmarks is None:
        lines.append(f"no landmarks: {problem}")
    else:
        pose = apparent_pose(sample)
        gap = "" if pose is None else f", {agreement_deg(landmarks, pose):.1f} deg from the labelled pose"
        known = int(landmarks.valid.sum())
        lines.append(f"landmarks  {landmarks.source}: {known} of 68, face {landmarks.face_size:.0f} px{gap}")
    if sample.head_centre is not None:
        x, y, z = sample.head_centre
        lines.append(f"head centre  {x:.1f}, {y:.1f}, {z:.1f} mm (depth camera)")
    if sample.camera is not None:
        lines.append(f"scale  {sample.camera.scale:.3f} px/mm")
    lines.append("files  " + ", ".join(map(str, (sample.entry.image, *sample.entry.labels))))
    return lines


def _angles(angles: tuple[float, float, float]) -> str:
    yaw, pitch, roll = angles
    return f"yaw {yaw:+.1f}  pitch {pitch:+.1f}  roll {roll:+.1f}"
