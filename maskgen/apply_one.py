"""The work on one picture: read, draw, paint, write, and say what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from .datasets.base import DatasetFormat
from .errors import ImageError, InputError, UsageError
from .geometry.landmarks import Landmarks
from .geometry.pose import HeadPose
from .io.files import atomic_write, read_regular, sha256_bytes
from .io.images import SourceImage, decode_image, encode_like
from .io.splice import require_jpeglib, splice_jpeg
from .jobs.outcome import Outcome, reason_of
from .jobs.output import RECORDS, output_error
from .landmarks import apparent_pose, doubts, landmarks_for, parse_sources
from .masks.catalogue import Catalogue
from .masks.spec import MaskDraw
from .paint.types import Painted
from .recipe import Recipe, draw
from .sample import Entry, Sample

#: what becomes of a picture that cannot be painted: its pair is left out, or copied as it is
ON_FAIL = ("leave", "copy")
#: how a JPEG is written: the source's tables and subsampling, or also its own blocks where nothing changed
JPEG_MODES = ("tables", "splice")

#: share of a picture that no mask on a face one can see covers; over 906 AFLW2000 files the largest is 0.22
_LARGE = 0.5

Files = dict[PurePosixPath, bytes]


class BelowStrict(InputError):
    """Painted, but not well enough for --strict."""


class PainterLike(Protocol):
    """What apply needs of a painter."""

    def paint(
        self, image: NDArray[np.uint8], landmarks: Landmarks, pose: HeadPose | None, draw: MaskDraw
    ) -> Painted:
        """One picture. Raises InputError where it cannot be painted."""


@dataclass(frozen=True)
class Templates:
    """Makes the painter of the shipped catalogue, and of folders of templates beside it; picklable."""

    folders: tuple[str, ...] = ()

    def catalogue(self) -> Catalogue:
        """All styles and fabrics."""
        return Catalogue.load(self.folders)

    def __call__(self) -> PainterLike:
        """The painter."""
        from .paint.pipeline import Painter

        painter: PainterLike = Painter(self.catalogue())
        return painter


@dataclass(frozen=True)
class ApplyOptions:
    """How to run a recipe over a dataset.

    control: folder for the clean twin, written through the same codec. on_fail: one of ON_FAIL. strict: least
    quality, 0..1; a picture below fails. limit, jobs, resume, overwrite: see `jobs.batch.BatchPlan`.
    jpeg: one of JPEG_MODES. landmarks, weights: where landmarks come from (`landmarks.parse_sources`).
    painter: makes a painter, once a process; must pickle and hash.
    """

    control: Path | None = None
    on_fail: str = "leave"
    strict: float | None = None
    jpeg: str = "tables"
    limit: int | None = None
    jobs: int = 1
    resume: bool = False
    overwrite: bool = False
    landmarks: str = "native,projected"
    weights: Path | None = None
    painter: Callable[[], PainterLike] = field(default_factory=Templates)

    def __post_init__(self) -> None:
        if self.on_fail not in ON_FAIL:
            raise UsageError(f"on_fail must be one of {', '.join(ON_FAIL)}; got {self.on_fail!r}")
        if self.jpeg not in JPEG_MODES:
            raise UsageError(f"jpeg must be one of {', '.join(JPEG_MODES)}; got {self.jpeg!r}")
        if self.strict is not None and not 0.0 <= self.strict <= 1.0:
            raise UsageError(f"strict must be a number from 0 to 1, got {self.strict}")
        if self.jpeg == "splice":
            require_jpeglib()  # found out here, once, and not once a picture


#: once a process and not once a shard: templates are read, kernels warmed, detectors loaded
sources_of = cache(parse_sources)


@cache
def _painter_of(make: Callable[[], PainterLike]) -> PainterLike:
    return make()


@dataclass(frozen=True)
class MaskOne:
    """Callable on an entry; never raises for a bad input, and pickles, so that workers can run it."""

    fmt: DatasetFormat
    root: Path
    out: Path
    recipe: Recipe
    options: ApplyOptions

    def warm(self) -> None:
        """Load what any picture needs: kernels, networks, styles and fabrics of the recipe. Never raises."""
        from .paint.plain_head import plain_head

        image, landmarks, pose = plain_head(size=128)
        printable = [style for style, choices in self.recipe.choices.items() if choices.printable]
        draws = [MaskDraw(style) for style in self.recipe.styles]
        draws += [MaskDraw(printable[0], fabric=fabric) for fabric in self.recipe.fabrics if printable]
        with suppress(Exception):  # what is wrong will be said of the pictures
            painter = _painter_of(self.options.painter)
            for mask in draws:
                painter.paint(image, landmarks, pose, mask)
            gray = np.repeat(image[..., 1:2], 3, 2)  # a print in one tone, and no label: other kernels
            painter.paint(gray, landmarks, None, draws[0])

    def __call__(self, entry: Entry) -> Outcome:
        """What became of the picture. Raises OutputError where the output cannot be written."""
        mask = draw(self.recipe, entry.id)
        record: dict[str, Any] = {
            "id": entry.id,
            "source": str(entry.image),
            "draw": None if mask is None else mask.as_dict(),
            "numbers": {},
        }
        read: Files = {}
        try:
            for name in (entry.image, *entry.labels):
                read[name] = self._bytes_of(name)
            files, clean = self._made(entry, mask, read, record)
        except Exception as error:
            return self._failed(entry, read, record, error)
        return self._write(record, entry, read, files, clean)

    def _bytes_of(self, name: PurePosixPath) -> bytes:
        try:
            return read_regular(self.root / name)
        except OSError as error:
            raise InputError(f"{name.name} cannot be read ({error.strerror or error})") from error

    def _made(
        self, entry: Entry, mask: MaskDraw | None, read: Files, record: dict[str, Any]
    ) -> tuple[Files, bytes | None]:
        """All files to write, the picture last, and the clean twin's picture where one is wanted."""
        source = decode_image(read[entry.image], entry.image.name)
        clean = self._clean(source, read[entry.image]) if self.options.control is not None else None
        files = {name: data for name, data in read.items() if name != entry.image}
        if mask is None:
            # through the codec like the others: in a mixture, traces of JPEG must not tell who wears a mask
            record |= {"status": "skipped", "reasons": ("share: left unmasked by the recipe",)}
            files[entry.image] = clean if clean is not None else self._clean(source, read[entry.image])
        else:
            sample = self.fmt.read(self.root, entry, read)
            sources = sources_of(self.options.landmarks, self.options.weights)
            landmarks = landmarks_for(sample, sources, lambda: source.bgr)
            painter = _painter_of(self.options.painter)
            painted = painter.paint(source.bgr, landmarks, apparent_pose(sample), mask)
            doubtful, belief = doubts(landmarks, sample)
            blank = _blank(source)
            record["numbers"] = numbers = _numbers(sample, painted, 0.0 if blank else belief)
            notes = (*doubtful, *painted.notes, *_oddities(blank, numbers))
            self._check_quality(numbers["quality"], notes)
            record |= {"status": "degraded" if notes else "ok", "reasons": notes}
            files |= side_outputs(entry.image, painted, landmarks, self.recipe.save)
            encoded = encode_like(source, painted.image)
            if self.options.jpeg == "splice" and source.format == "JPEG":
                encoded = splice_jpeg(read[entry.image], encoded, painted.touched)
            files[entry.image] = encoded
        return files, clean

    def _clean(self, source: SourceImage, data: bytes) -> bytes:
        """The picture unpainted, through the same codec path as a painted one."""
        splice = self.options.jpeg == "splice" and source.format == "JPEG"
        return data if splice else encode_like(source, source.bgr)

    def _check_quality(self, quality: float, notes: tuple[str, ...]) -> None:
        least = self.options.strict
        if least is not None and not quality >= least:
            why = f" ({'; '.join(notes)})" if notes else ""
            raise BelowStrict(f"{quality:.3f} is below --strict {least:g}{why}")

    def _failed(self, entry: Entry, read: Files, record: dict[str, Any], error: Exception) -> Outcome:
        reason = f"quality: {error}" if isinstance(error, BelowStrict) else reason_of(error)
        record |= {"status": "failed", "reasons": (reason,)}
        if self.options.on_fail == "copy" and {entry.image, *entry.labels} <= set(read):
            clean = read[entry.image] if self.options.control is not None else None
            return self._write(record, entry, read, dict(read), clean)
        return Outcome(**record, sources=_hashes(read))

    def _write(
        self, record: dict[str, Any], entry: Entry, read: Files, files: Files, clean: bytes | None
    ) -> Outcome:
        """Labels and side outputs first and the picture last: where it is, the rest is."""
        control = self.options.control
        try:
            for name, data in files.items():
                if name == entry.image:
                    continue
                atomic_write(self.out / name, data, sync=False)
                if control is not None and name in read:
                    atomic_write(control / name, data, sync=False)
            if control is not None and clean is not None:
                atomic_write(control / entry.image, clean, sync=False)
            atomic_write(self.out / entry.image, files[entry.image], sync=False)
        except OSError as error:
            raise output_error(error, self.out) from error
        return Outcome(
            **record,
            output=str(entry.image),
            sources=_hashes(read),
            files=_hashes(files),
            control_sha256=None if clean is None else sha256_bytes(clean),
        )


def _blank(source: SourceImage) -> bool:
    """Whether the picture is of one colour, and no photograph of anything."""
    some = source.bgr[:: max(1, len(source.bgr) // 8), :: max(1, source.bgr.shape[1] // 8)]
    return bool((some == some[0, 0]).all() and (source.bgr == some[0, 0]).all())


def _oddities(blank: bool, numbers: Mapping[str, float]) -> tuple[str, ...]:
    """Notes on a picture that no photograph of a face looks like."""
    notes = []
    # with what is kept in front of it: over a whole picture anything may pass for hair
    coverage = numbers["coverage"] / max(1.0 - numbers["occluded_share"], 0.05)
    if coverage > _LARGE:
        notes.append(f"large: the mask covers {100 * coverage:.0f} % of the picture")
    if blank:
        notes.append("blank: the picture is of one colour")
    return tuple(notes)


def _hashes(files: Mapping[PurePosixPath, bytes]) -> dict[str, str]:
    return {str(name): sha256_bytes(data) for name, data in files.items()}


def _numbers(sample: Sample, painted: Painted, belief: float) -> dict[str, float]:
    """What was measured, and the label's angles in degrees: most questions to a manifest begin with them.

    belief: that the landmarks are those of a face seen here, 0..1. The painter cannot know of it, and its
    score rests on them.
    """
    numbers = {
        "residual": painted.residual,
        "quality": round(painted.quality * belief, 4),
        "coverage": cv2.mean(painted.alpha)[0],
        **painted.numbers,
    }
    if sample.label_angles is not None:
        numbers |= dict(zip(("yaw", "pitch", "roll"), map(float, sample.label_angles), strict=True))
    return numbers


def side_outputs(
    image: PurePosixPath, painted: Painted, landmarks: Landmarks, save: tuple[str, ...]
) -> Files:
    """The files of --save, by path under the output: _maskgen/<kind>/<the picture's name with .png or .json>.

    alpha: 16-bit grey, 65535 is full coverage. segmentation: 0 none, 1 mask, 2 strap. touched: 255 where a
    pixel may differ from the source's. landmarks: 0-based pixels, and who hides each point.
    """
    files: Files = {}
    if "alpha" in save:
        files[_beside(image, "alpha", ".png")] = _png(np.rint(painted.alpha * 65535.0).astype(np.uint16))
    if "segmentation" in save:
        files[_beside(image, "segmentation", ".png")] = _png(painted.segmentation)
    if "touched" in save:
        files[_beside(image, "touched", ".png")] = _png(painted.touched.astype(np.uint8) * 255)
    if "landmarks" in save:
        record = {
            "points": [[round(float(value), 3) for value in point] for point in landmarks.points],
            "visibility": [int(value) for value in painted.visibility],
            "visibility_means": {"0": "hidden by the head", "1": "visible", "2": "hidden by the mask"},
        }
        files[_beside(image, "landmarks", ".json")] = (json.dumps(record) + "\n").encode()
    return files


def _beside(image: PurePosixPath, kind: str, suffix: str) -> PurePosixPath:
    return PurePosixPath(RECORDS, kind, image.with_suffix(suffix))


def _png(plane: NDArray[Any]) -> bytes:
    # flat areas are most of these planes: run lengths alone pack them well, and fast
    done, data = cv2.imencode(".png", plane, [cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE])
    if not done:
        raise ImageError(f"a plane of {plane.shape} {plane.dtype} cannot be encoded as PNG")
    return data.tobytes()
