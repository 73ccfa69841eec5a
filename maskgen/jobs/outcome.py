"""Outcome: what became of one input, as one JSON line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from ..errors import ImageError, InputError, LabelError, LandmarkError

#: ok: as good as it should be. degraded: written, with a reason to look at it. failed: not done, with the
#: reason. skipped: left as it was because the recipe says so.
STATUSES = ("ok", "degraded", "failed", "skipped")
#: those of pictures that were made as the recipe says
DONE = STATUSES[:2]
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Outcome:
    """One line of the manifest.

    id: the sample's id. status: one of STATUSES. reasons: "code: explanation" each; empty only for ok.
    source: the picture that was read, relative to the input's root. output: the picture that was written,
    relative to the output's root; None where there is none.
    sources, files: SHA-256 of every file read and of every file written for this input, by relative path.
    control_sha256: SHA-256 of the clean twin's picture where one was asked for.
    draw: the plain values drawn, exact. numbers: measured values (residual, quality, ...), 6 digits.
    """

    id: str
    status: str
    source: str
    reasons: tuple[str, ...] = ()
    output: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    control_sha256: str | None = None
    draw: Mapping[str, Any] | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status must be one of {', '.join(STATUSES)}; got {self.status!r}")
        if self.status != "ok" and not self.reasons:
            raise ValueError(f"{self.id}: an outcome that is {self.status} needs a reason")

    @property
    def code(self) -> str:
        """The code of the first reason, for counting; "" where there is none."""
        return self.reasons[0].partition(":")[0] if self.reasons else ""

    def to_line(self) -> str:
        """One JSON line, newline included; the same outcome always gives the same bytes."""
        record = {
            "id": self.id,
            "status": self.status,
            "reasons": list(self.reasons),
            "source": self.source,
            "output": self.output,
            "draw": _plain(self.draw),
            "numbers": {str(name): _measured(value) for name, value in sorted(self.numbers.items())},
            "sources": dict(sorted(self.sources.items())),
            "files": dict(sorted(self.files.items())),
            "control_sha256": self.control_sha256,
        }
        return _WRITER.encode(record) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Outcome:
        """Read `to_line` back. Raises ValueError where the line is not one (a torn last line, for one)."""
        try:
            record = orjson.loads(line)
            record["reasons"] = tuple(record["reasons"])
            return cls(**record)
        except (TypeError, KeyError, orjson.JSONDecodeError) as error:
            raise ValueError(f"not a manifest line: {line[:80]!r} ({error})") from error


def reason_of(error: BaseException) -> str:
    """An error as a "code: explanation" of one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return f"{code}: {text}"
    return f"unexpected: {type(error).__name__}: {text}{_place(error)}"


_CODES: dict[type[BaseException], str] = {
    ImageError: "image",
    LabelError: "label",
    LandmarkError: "landmarks",
    InputError: "input",
    PermissionError: "unreadable",
    FileNotFoundError: "missing",
    OSError: "unreadable",
    MemoryError: "memory",
}


def _place(error: BaseException) -> str:
    """Where an error that nobody foresaw was raised: file and line, enough for a bug report."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_code.co_filename.replace("\\", "/").rsplit("/", 1)[-1]
    return f" ({name}:{trace.tb_lineno})"


#: most values of most lines
_PLAIN = frozenset((str, int, bool))


def _plain(value: Any) -> Any:
    """Values a JSON line can hold: NumPy scalars unwrapped, tuples as lists, nan and infinity as None."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, float) and callable(getattr(value, "item", None)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _measured(value: Any) -> Any:
    if type(value) is float:  # nearly all are
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return _rounded(_plain(value))


def _rounded(value: Any) -> Any:
    """Measured numbers to 6 significant digits; what was drawn is exact: it must rebuild the picture."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
