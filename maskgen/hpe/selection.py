"""Frozen train / test lists: text files of ids, with a SHA-256 that is checked on every use.

A list is UTF-8 text: ``#`` comments, ``[part]`` headers, and one line each of an id, of ``group KEY`` for all
pictures of a group (a BIWI sequence), or of ``share LOW HIGH SALT`` for the pictures whose hash with SALT
lies in [LOW, HIGH): a random share that needs no list of ids. Shipped lists lie in maskgen/hpe/splits and
their hashes in SHA256SUMS there; results name the list and its hash, so that numbers can be compared.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError

_FOLDER = Path(__file__).parent / "splits"


@dataclass(frozen=True)
class Selection:
    """One part of a list: the ids and groups that belong to it."""

    name: str
    part: str
    sha256: str
    ids: frozenset[str]
    groups: frozenset[str]
    shares: tuple[tuple[float, float, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.name}:{self.part}"

    def holds(self, sample_id: str, group: str) -> bool:
        """Whether the picture is in this part."""
        if sample_id in self.ids or group in self.groups:
            return True
        # the folder above the sequences has two names (hpdb, faces_0); the last two parts are always the same
        key = "/".join(sample_id.split("/")[-2:])
        return any(low <= fraction(key, salt) < high for low, high, salt in self.shares)


def split_names() -> list[str]:
    """Names of the shipped lists."""
    return sorted(p.stem for p in _FOLDER.glob("*.txt"))


def load_selection(text: str) -> Selection:
    """The selection written ``LIST:PART``, where LIST is a shipped name or the path of a text file.

    A file with no headers is one part called ``all``. Raises UsageError for an unknown list or part, and for
    a shipped list whose content is not the frozen one.
    """
    name, colon, part = text.rpartition(":")
    if not colon or not name:
        name, part = text, "all"
    shipped = _FOLDER / f"{name}.txt"
    path = shipped if shipped.is_file() else Path(name).expanduser()
    if not path.is_file():
        known = ", ".join(split_names())
        raise UsageError(f"no split list {name!r}: shipped are {known}, or give a text file")
    try:
        data = path.read_bytes()
        parts = _parse(data.decode("utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the split list {path}: {error}") from error
    digest = hashlib.sha256(data).hexdigest()
    if path == shipped and frozen_hashes().get(path.name) != digest:
        raise UsageError(f"the split list {path.name} was changed: its SHA-256 is not the one in SHA256SUMS")
    if part not in parts:
        raise UsageError(f"the split list {name} has the parts {', '.join(parts)}; there is no {part!r}")
    chosen = parts[part]
    return Selection(
        path.stem, part, digest, frozenset(chosen.ids), frozenset(chosen.groups), tuple(chosen.shares)
    )


def frozen_hashes() -> dict[str, str]:
    """File name -> SHA-256 of the shipped lists."""
    lines = (_FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name.strip(): digest for digest, name in (line.split(maxsplit=1) for line in lines if line)}


def ranked(keys: Iterable[str], salt: str) -> list[str]:
    """Keys in an order that depends on nothing but their text and ``salt``: by the hash of both.

    A key keeps its place among the others when keys are added, so a list drawn from it can grow.
    """
    return sorted(keys, key=lambda k: hashlib.sha256(f"{salt}\0{k}".encode()).digest())


def fraction(key: str, salt: str) -> float:
    """A number in [0, 1) fixed by the key's text and ``salt``: below 0.7 is a frozen 70 % of any dataset."""
    return int.from_bytes(hashlib.sha256(f"{salt}\0{key}".encode()).digest()[:8], "big") / 2.0**64


@dataclass
class _Part:
    ids: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    shares: list[tuple[float, float, str]] = field(default_factory=list)


def _parse(text: str, path: Path) -> dict[str, _Part]:
    parts: dict[str, _Part] = {}
    current: _Part | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        if line.startswith("[") and line.endswith("]"):
            current = parts.setdefault(line[1:-1].strip(), _Part())
            continue
        if current is None:
            current = parts.setdefault("all", _Part())
        words = line.split()
        if len(words) == 1:
            current.ids.add(line)
        elif words[0] == "group" and len(words) == 2:
            current.groups.add(words[1])
        elif words[0] == "share" and len(words) == 4 and all(_is_share(w) for w in words[1:3]):
            current.shares.append((float(words[1]), float(words[2]), words[3]))
        else:
            want = "an id, 'group KEY' or 'share LOW HIGH SALT'"
            raise UsageError(f"{path} line {number}: expected {want}, got {line!r}")
    return parts


def _is_share(word: str) -> bool:
    try:
        return 0.0 <= float(word) <= 1.0
    except ValueError:
        return False
