"""Draw the pose of every face: webcam, video file, folder of pictures, or one picture.

    python examples/draw_pose.py runs/retina/last.pt 0                    # webcam, in a window; q ends it
    python examples/draw_pose.py runs/retina/last.pt party.mp4 --out drawn
    python examples/draw_pose.py model2.onnx pictures/ --out drawn --faces face_detection_yunet_2023mar.onnx

The network is a checkpoint of `maskgen train`, a file of `maskgen export`, or a released FSA-Net .h5 file.
The retinapose networks find faces; all others need a face detector: OpenCV's YuNet, whose file or
folder --faces or $MASKGEN_WEIGHTS names.
Box in yellow, points by the person's side, axes red to the person's left, green down, blue out of the face.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from maskgen.errors import ImageError, MaskgenError, UsageError
from maskgen.hpe.live import FramePoser, YuNet, load_network
from maskgen.io.images import read_image
from maskgen.report.draw import draw_pose

PICTURES = {".jpg", ".jpeg", ".png"}


def frames(source: str) -> Iterator[tuple[str, np.ndarray]]:
    """(name, BGR frame) of a webcam, folder, picture or video; unreadable pictures are said and skipped."""
    path = Path(source)
    if path.is_dir() or path.suffix.lower() in PICTURES:
        files = (
            [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES)
        )
        if not files:
            raise UsageError(f"no pictures in {source}; looked for {', '.join(sorted(PICTURES))}")
        for file in files:
            try:
                yield (file.name if path.is_file() else str(file.relative_to(path))), read_image(file).bgr
            except ImageError as error:
                print(f"skipped: {error}", file=sys.stderr)
        return
    if not source.isdigit() and not path.is_file():
        raise UsageError(f"{source!r} is neither a webcam number, a folder, a picture, nor a video file")
    video = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not video.isOpened():
        raise UsageError(f"cannot open {'webcam ' if source.isdigit() else ''}{source}")
    try:
        for number in itertools.count():
            good, frame = video.read()
            if not good:
                return
            yield f"frame_{number:06d}.jpg", frame
    finally:
        video.release()


def draw_faces(poser: FramePoser, frame: np.ndarray) -> tuple[np.ndarray, int]:
    """The frame with all its faces drawn, and how many there are."""
    faces = poser(frame)
    for face in faces:
        frame = draw_pose(frame, face.R, face.box, face.points5)
    return frame, len(faces)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 2 for a wrong call, with one line that says what is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", help="checkpoint (.pt), .onnx file, or released FSA-Net .h5 file")
    parser.add_argument("source", help="webcam number, video file, folder or picture")
    parser.add_argument("--faces", type=Path, help="YuNet's .onnx file, for networks that look at crops")
    parser.add_argument("--out", type=Path, help="folder for the drawn pictures; without it they are shown")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--limit", type=int, help="stop after so many frames")
    given = parser.parse_args(arguments)
    try:
        network = load_network(given.network)
        finder = None if network.input_spec.crop == "frame" else YuNet(given.faces)
        poser = FramePoser(network, finder, given.device)
        count = found = 0
        for name, frame in itertools.islice(frames(given.source), given.limit):
            drawn, faces = draw_faces(poser, frame)
            count, found = count + 1, found + bool(faces)
            if given.out:
                target = given.out / name
                target.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(target), drawn)
            else:
                cv2.imshow("head pose (q ends, any other key goes on)", drawn)
                still = Path(given.source).is_dir() or Path(given.source).suffix.lower() in PICTURES
                if cv2.waitKey(0 if still else 1) == ord("q"):
                    break
    except MaskgenError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"{count} frames, faces in {found}" + (f", drawn in {given.out}" if given.out else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
