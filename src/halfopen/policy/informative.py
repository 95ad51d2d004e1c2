"""Which of several faults tells the client most.

Rules
1. What the caller can mend comes first (the request), then what the operator can mend (key, quota,
   configuration), then what passes by itself (rate limits), then what the provider says of itself,
   then what we saw of the network, and last what we decided ourselves.
2. Among equals the first target's fault wins: it is the one that the caller asked for.
"""

from collections.abc import Iterable, Mapping

from halfopen.model import Fault, Kind, Place, Verdict

_BY_VERDICT: Mapping[Verdict, int] = {
    Verdict.FIX_REQUEST: 0,
    Verdict.KEY: 1,
    Verdict.QUOTA: 1,
    Verdict.THROTTLE: 3,
}
_BY_PLACE: Mapping[Place, int] = {
    Place.CONFIGURATION: 2,
    Place.CLIENT: 2,
    Place.PROVIDER: 4,
    Place.EDGE: 5,
    Place.NETWORK: 6,
    Place.GATEWAY: 8,
}
_VAGUE = frozenset({Kind.UNKNOWN, Kind.BAD_GATEWAY, Kind.NO_RESPONSE, Kind.FIRST_TOKEN_TIMEOUT})


def rank(fault: Fault) -> int:
    """Lower is more informative."""
    by_verdict = _BY_VERDICT.get(fault.verdict)
    if by_verdict is not None and fault.place is not Place.GATEWAY:
        return by_verdict
    return _BY_PLACE[fault.place] + (1 if fault.kind in _VAGUE else 0)


def most_informative(faults: Iterable[Fault]) -> Fault | None:
    """The fault to show; None when there is none."""
    return min(faults, key=rank, default=None)
