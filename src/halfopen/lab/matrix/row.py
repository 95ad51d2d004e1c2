"""What came out of one case, and the totals of a table."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """The verdict on one row."""

    PASS = "pass"
    """A complete, valid answer; or, where the request itself is at fault, the upstream's own error."""
    SAFE = "safe"
    """An explicit error, where a part of the answer is out and nobody may go on with it."""
    FAIL = "fail"
    """A truncated, wrong or empty answer taken for success, an error where an answer was due, or no end."""
    VOID = "void"
    """The fault never happened, so that the row proves nothing. Counts as a fail."""


@dataclass(frozen=True, slots=True)
class Row:
    """One client, one fault in one mode at one point, with one dialect of primary."""

    fault: str
    mode: str
    """plain or stream."""
    primary: str
    """The dialect that has the fault."""
    backup: str
    """The dialect of the healthy second target."""
    phase: str
    """connect, before_content or after_content."""
    client: str
    """The dialect that the application speaks."""
    point: str
    """Where the fault struck, with what is special about the question or the route."""
    result: Result
    why: str
    status: int | None
    """The HTTP status that the client got; None: it got none."""
    error: str | None
    """The class and words of the client's exception."""
    served_by: str | None
    """primary, backup or both, told by the answer's own text."""
    primary_calls: int
    backup_calls: int
    client_requests: int
    """HTTP requests that the official client sent, its own retries included."""
    duration_s: float
