"""What an HTTP status says by itself."""

from collections.abc import Mapping

from halfopen.errors.finding import Finding, Weight
from halfopen.model import Kind, Place, Verdict

_KINDS: Mapping[int, Kind] = {
    402: Kind.QUOTA_EXHAUSTED,
    401: Kind.BAD_KEY,
    403: Kind.FORBIDDEN,
    404: Kind.MODEL_NOT_FOUND,
    405: Kind.MODEL_NOT_FOUND,
    407: Kind.UNKNOWN,
    408: Kind.REQUEST_TIMEOUT,
    409: Kind.CONFLICT,
    410: Kind.MODEL_NOT_FOUND,
    413: Kind.REQUEST_TOO_LARGE,
    423: Kind.CONFLICT,
    424: Kind.BAD_GATEWAY,
    425: Kind.CONFLICT,
    426: Kind.PROTOCOL_ERROR,
    429: Kind.RATE_LIMITED,
    451: Kind.REGION_BLOCKED,
    498: Kind.OVERLOADED,
    499: Kind.CANCELLED,
    501: Kind.NOT_IMPLEMENTED,
    502: Kind.BAD_GATEWAY,
    503: Kind.UNAVAILABLE,
    504: Kind.GATEWAY_TIMEOUT,
    505: Kind.PROTOCOL_ERROR,
    511: Kind.UNKNOWN,
    520: Kind.EDGE_ERROR,
    521: Kind.EDGE_ERROR,
    522: Kind.EDGE_ERROR,
    523: Kind.EDGE_ERROR,
    524: Kind.EDGE_TIMEOUT,
    525: Kind.EDGE_ERROR,
    526: Kind.EDGE_ERROR,
    527: Kind.EDGE_ERROR,
    529: Kind.OVERLOADED,
    530: Kind.EDGE_ERROR,
    598: Kind.GATEWAY_TIMEOUT,
    599: Kind.GATEWAY_TIMEOUT,
}
_UNPLAIN = frozenset({400, 407, 422, 426})
"""4xx that many faults share, beside those that are not in the table."""


def kind_of_status(status: int) -> Kind:
    """Return the kind that a failed status means when nothing else is known."""
    kind = _KINDS.get(status)
    if kind is not None:
        return kind
    if 400 <= status <= 499:
        return Kind.INVALID_REQUEST
    if 500 <= status <= 599:
        return Kind.SERVER_ERROR
    return Kind.UNKNOWN


def read_status(status: int | None, where: str = "status") -> Finding:
    """Return what a status says; None or a number that is no failure: little."""
    if status is None:
        return Finding(Kind.UNKNOWN, Weight.VAGUE, f"no {where}")
    kind = kind_of_status(status)
    plain = 400 <= status <= 499 and status not in _UNPLAIN and kind is not Kind.INVALID_REQUEST
    weight = Weight.PLAIN_STATUS if plain else Weight.STATUS
    verdict: Verdict | None = None
    place: Place | None = None
    if status == 529:
        verdict = Verdict.FAILOVER
    elif status in {407, 511}:
        verdict, place = Verdict.FAILOVER, Place.NETWORK
    elif 300 <= status <= 399:
        verdict, place = Verdict.FAILOVER, Place.CONFIGURATION
    return Finding(kind, weight, f"{where} {status}", verdict=verdict, place=place)
