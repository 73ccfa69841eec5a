"""The contract of a dataset format: index, read, move with the picture, write.

A format is one file in this folder that ends in a module-level ``FORMAT`` instance; it is found by listing
the folder, and the conformance suite in tests/datasets runs over whatever is found. Third parties add
formats through the entry-point group ``maskgen.datasets``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from ..errors import MaskgenError
from ..geometry.image_plane import PlaneMap
from ..io.files import atomic_write, read_regular, sha256_bytes
from ..io.images import image_size, size_in
from ..sample import Entry, Sample

#: files by their path relative to the dataset's root
Held = Mapping[PurePosixPath, bytes]
NOTHING: Held = MappingProxyType({})


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

    def copy_shared(self, root: Path, *targets: Path) -> dict[str, str]:
        """Copy the `shared_files` to every target, byte for byte; returns their SHA-256 by relative path.

        Raises MaskgenError for a file that cannot be read, OSError for a target that takes no more.
        """
        hashes = {}
        for name in self.shared_files(root):
            try:
                data = read_regular(root / name)
            except OSError as error:
                raise MaskgenError(f"{root / name}: cannot be read ({error.strerror or error})") from error
            for target in targets:
                atomic_write(target / name, data, sync=False)
            hashes[str(name)] = sha256_bytes(data)
        return hashes

    @abstractmethod
    def read(self, root: Path, entry: Entry, held: Held = NOTHING) -> Sample:
        """The labels of one picture. Raises LabelError (what, where) or ImageError for its header.

        held: files in hand already, so that what is hashed is what is read, once; others come from ``root``.
        """

    @abstractmethod
    def moved(self, sample: Sample, plane: PlaneMap) -> Sample:
        """The sample after its picture went through ``plane``: pose, landmarks, box, camera and raw payload.

        Raises LabelError where the format cannot express the result.
        """

    @abstractmethod
    def label_files(self, sample: Sample) -> dict[PurePosixPath, bytes]:
        """The sample's label files in this format, by relative path; {} where it has none.

        What was read and not moved comes back to the byte.
        """

    def write_labels(self, sample: Sample, root: Path) -> tuple[PurePosixPath, ...]:
        """Write `label_files` under ``root``; returns their relative paths.

        Not synced: a batch trusts the hashes of its manifest instead.
        """
        files = self.label_files(sample)
        for name, data in files.items():
            atomic_write(root / name, data, sync=False)
        return tuple(files)

    def is_labelled(self, entry: Entry) -> bool:
        """Whether the picture has a pose file, judged by names alone."""
        return bool(entry.labels)

    def size_of(self, root: Path, entry: Entry, held: Held = NOTHING) -> tuple[int, int]:
        """(width, height) of the picture, from its header. Raises ImageError."""
        data = held.get(entry.image)
        return image_size(root / entry.image) if data is None else size_in(data, entry.image.name)

    def group(self, entry: Entry) -> str:
        """Who is in the picture: one key for all views, flips and frames of a person or source photo."""
        return entry.id

    def person(self, sample_id: str) -> str:
        """Whom a split must not cut in two: the group, or one key for all groups of the same person."""
        return self.group(Entry(sample_id, PurePosixPath(f"{sample_id}.jpg")))

    def protocol_valid(self, sample: Sample) -> bool:
        """Whether the usual benchmark keeps the sample: every |label angle| <= 99 degrees."""
        return sample.label_angles is not None and max(abs(a) for a in sample.label_angles) <= 99.0
