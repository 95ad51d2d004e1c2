"""What one piece of evidence says about the kind of a fault, and how much that weighs."""

from dataclasses import dataclass
from enum import IntEnum

from halfopen.model import Kind, Place, Verdict


class Weight(IntEnum):
    """How telling a piece of evidence is. The heaviest wins; of equals, the innermost."""

    VAGUE = -1
    """A word that many faults share (`server_error`, `invalid_request_error`): below the status."""
    STATUS = 0
    """A status that many faults share: 400, 422 and every 5xx."""
    PLAIN_STATUS = 1
    """A status that says one thing: 401, 402, 403, 404, 408, 409, 413, 429."""
    TYPE = 2
    """A type of error (`authentication_error`)."""
    CODE = 3
    """An exact code or sentence (`invalid_api_key`)."""
    CREDIT = 4
    """A plain word that credit or quota has run out: outweighs every hint to wait."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A kind that one piece of evidence points to."""

    kind: Kind
    weight: Weight
    fact: str = ""
    """The evidence in a few words."""
    verdict: Verdict | None = None
    """None: the kind's own."""
    place: Place | None = None
    """None: the kind's own."""
    retries_max: int | None = None
