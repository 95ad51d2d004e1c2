"""What a verdict rests on, and what it says."""

from collections.abc import Sequence
from dataclasses import dataclass

from halfopen.lab.matrix.row import Result
from halfopen.lab.matrix.seen import Seen
from halfopen.lab.matrix.spent import Input
from halfopen.lab.steps import Place
from halfopen.model import Fault


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict rests on."""

    seen: Sequence[Seen]
    """What the client got for each question, in order. The last one is judged; the others lead up to it."""
    prompt: str
    met: int
    """How often the fault happened on the wire."""
    primary_calls: int
    backup_calls: int
    to_return: Fault | None = None
    """The fault's own error when its verdict is "fix the request"."""
    place: Place | None = None
    """Where in a stream the fault struck last."""
    primary_given: Sequence[Input] = ()
    """The input tokens of each call to the primary."""
    backup_given: Sequence[Input] = ()
    """The same of the backup."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A result, why, and who the answer came from."""

    result: Result
    why: str
    served_by: str | None = None
    """primary, backup, or both."""
