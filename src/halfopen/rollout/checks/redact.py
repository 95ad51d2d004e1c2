"""Patterns of what is to be masked: each must be one, and take little time on any text."""

from halfopen.redact.patterns import problem_of
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Redact


def check_redact(redact: Redact, findings: Findings) -> None:
    """Refuse patterns that can't be used."""
    for index, pattern in enumerate(redact.patterns):
        if problem := problem_of(pattern):
            findings.add(("redact", "patterns", index), problem)
