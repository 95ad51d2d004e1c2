"""What came out of one case, and the totals of a table."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """The verdict on one row."""

    PASS = "pass"
    """A complete, valid answer; or, where the request itself is at fault, the upstream's own error."""
    SAFE = "safe"
    """An explicit error, after a part of the answer had reached the client."""
    FAIL = "fail"
    """A truncated, wrong or empty answer taken for success, an error where an answer was due, or no end."""
    VOID = "void"
    """The fault never happened, so that the row proves nothing. Counts as a fail."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault in one mode with one dialect of primary."""

    fault: str
    mode: str
    """plain or stream."""
    primary: str
    """The dialect that has the fault."""
    backup: str
    """The dialect of the healthy second target."""
    phase: str
    """connect, before_content or after_content."""
    result: Result
    why: str
    status: int | None
    """The HTTP status that the client got; None: it got none."""
    error: str | None
    """The class and words of the client's exception."""
    served_by: str | None
    """primary or backup, told by the answer's own text."""
    primary_calls: int
    backup_calls: int
    client_requests: int
    """HTTP requests that the official client sent, its own retries included."""
    duration_s: float


@dataclass(frozen=True, slots=True)
class Totals:
    """How many rows came out how. Void rows are in `fail`."""

    passed: int
    safe: int
    fail: int

    def shown(self) -> dict[str, int]:
        """The shape that is printed as JSON."""
        return {"pass": self.passed, "safe": self.safe, "fail": self.fail}


def totals(rows: Iterable[Row]) -> Totals:
    """Count the results."""
    results = [row.result for row in rows]
    passed = results.count(Result.PASS)
    safe = results.count(Result.SAFE)
    return Totals(passed, safe, len(results) - passed - safe)
