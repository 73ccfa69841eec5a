"""What a check says: findings with a code, a severity, the picture and one sentence; and their report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing found.

    code: stable, "group.what" (all are listed in docs/validate.md). id: of the picture, "" for the dataset.
    """

    code: str
    severity: Severity
    id: str
    message: str


@dataclass
class Report:
    """All findings about one dataset, with the numbers behind them.

    numbers: measured values of the whole dataset. columns: per-picture values by name, for histograms.
    """

    root: str
    dataset: str
    pictures: int = 0
    findings: list[Finding] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, dict[str, float]] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding]) -> None:
        """Take over findings."""
        self.findings.extend(findings)

    def count(self, severity: Severity) -> int:
        """How many findings are of a severity."""
        return sum(f.severity == severity for f in self.findings)

    def codes(self) -> list[tuple[str, Severity, int, Finding]]:
        """(code, severity, how often, first example), worst and most frequent first."""
        counts = Counter((f.code, f.severity) for f in self.findings)
        first: dict[tuple[str, Severity], Finding] = {}
        for f in self.findings:
            first.setdefault((f.code, f.severity), f)
        order = {s: i for i, s in enumerate(SEVERITIES)}
        keys = sorted(counts, key=lambda k: (order[k[1]], -counts[k], k[0]))
        return [(code, severity, counts[code, severity], first[code, severity]) for code, severity in keys]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "root": self.root,
            "dataset": self.dataset,
            "pictures": self.pictures,
            "counts": {s: self.count(s) for s in SEVERITIES},
            "numbers": self.numbers,
            "findings": [asdict(f) for f in self.findings],
        }
