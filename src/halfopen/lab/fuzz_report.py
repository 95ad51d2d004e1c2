"""What fuzzing found, in counts and findings."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

FINDINGS_MAX: Final = 50


@dataclass(frozen=True, slots=True)
class FuzzFinding:
    """Something that must not be."""

    number: int
    """The input's number; -1: not of one input."""
    kind: str
    problem: str
    sent: str
    """The beginning of what was sent."""


@dataclass(slots=True)
class FuzzReport:
    """What became of all inputs."""

    inputs: int
    seed: int
    first: int
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    """What was sent: by the client, or by the upstream."""
    findings: list[FuzzFinding] = field(default_factory=list)
    findings_total: int = 0

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return self.findings_total == 0

    @property
    def rate(self) -> float:
        """Inputs a second."""
        return self.inputs / self.seconds if self.seconds else 0.0

    @property
    def upper_bound(self) -> float | None:
        """Below which the share of bad inputs lies at 95 % (rule of three); None: some were found."""
        return min(1.0, 3 / self.inputs) if self.passed else None

    def find(self, number: int, kind: str, problem: str, sent: bytes = b"") -> None:
        """Note a finding; of many only the first are kept."""
        self.findings_total += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(FuzzFinding(number, kind, problem, repr(sent[:300])))
