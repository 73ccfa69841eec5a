"""The contract of a dataset format: index, read, move with the picture, write.

A format is one file in this folder that ends in a module-level ``FORMAT`` instance; it is found by listing
the folder, and the conformance suite in tests/datasets runs over whatever is found. Third parties add
formats through the entry-point group ``maskgen.datasets``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..geometry.image_plane import PlaneMap
from ..sample import Entry, Sample


@dataclass(frozen=True)
class Card:
    """What a user must know about a dataset before touching it."""

    title: str
    images: int
    licence: str
    redistribution: str
    homepage: str
    citation: str


class DatasetFormat(ABC):
    """One on-disk format. Instances hold no state, so they pickle and may be shared by workers."""

    #: canonical name, as printed and as used for the default output folder
    name: str
    #: other spellings accepted on the command line, case-blind
    aliases: tuple[str, ...] = ()
    card: Card
    #: what the root folder holds, in a few words, for messages
    layout: str = ""

    @abstractmethod
    def recognises(self, root: Path) -> bool:
        """Whether the folder looks like this dataset; cheap, never raises on odd content."""

    @abstractmethod
    def index(self, root: Path) -> Iterator[Entry]:
        """Entries in sample order (sorted by id), from file names alone: nothing is opened.

        Raises DatasetNotFound where the folder holds no picture of this dataset.
        """

    def shared_files(self, root: Path) -> Iterator[PurePosixPath]:
        """Files of the dataset that belong to no single picture (calibrations, meshes), sorted."""
        return iter(())

    @abstractmethod
    def read(self, root: Path, entry: Entry) -> Sample:
        """The labels of one picture. Raises LabelError (what, where) or ImageError for its header."""

    @abstractmethod
    def moved(self, sample: Sample, plane: PlaneMap) -> Sample:
        """The sample after its picture went through ``plane``: pose, landmarks, box, camera and raw payload.

        Raises LabelError where the format cannot express the result.
        """

    @abstractmethod
    def write_labels(self, sample: Sample, root: Path) -> tuple[PurePosixPath, ...]:
        """Write the sample's label files under ``root``, in this format; returns their relative paths.

        What was read and not moved is written back equal in shape, type and value.
        """

    def is_labelled(self, entry: Entry) -> bool:
        """Whether the picture has a pose file, judged by names alone."""
        return bool(entry.labels)

    def group(self, entry: Entry) -> str:
        """Who is in the picture: one key for all views, flips and frames of a person or source photo."""
        return entry.id

    def person(self, sample_id: str) -> str:
        """Whom a split must not cut in two: the group, or one key for all groups of the same person."""
        return self.group(Entry(sample_id, PurePosixPath(f"{sample_id}.jpg")))

    def protocol_valid(self, sample: Sample) -> bool:
        """Whether the usual benchmark keeps the sample: every |label angle| <= 99 degrees."""
        return sample.label_angles is not None and max(abs(a) for a in sample.label_angles) <= 99.0
