"""Whether a relayed request may be sent again after a fault."""

from halfopen.model import Fault, Kind, Verdict
from halfopen.providers.clients.relay.rule import RelayRule, Repeat

_UNCONNECTED = frozenset(
    (Kind.DNS_FAILED, Kind.CONNECTION_REFUSED, Kind.CONNECT_TIMEOUT, Kind.TLS_FAILED, Kind.NO_CAPACITY)
)
"""No byte of the request has reached a server."""

_UNKNOWN_END = frozenset(
    (
        Kind.CONNECTION_RESET,
        Kind.NO_RESPONSE,
        Kind.FIRST_TOKEN_TIMEOUT,
        Kind.STALLED,
        Kind.DRIPPING,
        Kind.STREAM_TOO_LONG,
        Kind.DEADLINE_EXCEEDED,
        Kind.GATEWAY_TIMEOUT,
        Kind.EDGE_TIMEOUT,
        Kind.CANCELLED,
        Kind.CUT_BODY,
        Kind.ANSWER_TOO_LARGE,
        Kind.PROTOCOL_ERROR,
    )
)
"""The server may be at work still, or have finished: the work is paid for in any case."""

_KEY_STATUSES = (401, 402, 403, 451)
_REFUSALS = (Verdict.KEY, Verdict.QUOTA)


def may_repeat(rule: RelayRule, fault: Fault, *, sent: bool) -> bool:
    """Whether the same request may be sent once more; for a bound rule, to the same account only.

    Args:
        rule: What `rule_of` said.
        fault: How the last attempt failed.
        sent: Whether any of the request may have reached the server.
    """
    if fault.verdict is Verdict.FIX_REQUEST:
        return False
    if rule.repeat is Repeat.HARMLESS or not sent or fault.kind in _UNCONNECTED:
        return True
    if rule.repeat is Repeat.COSTS:
        return _said_no(fault)
    return _refused(fault)


def _said_no(fault: Fault) -> bool:
    """Whether the server has answered, and with an error."""
    return fault.status is not None and fault.status >= 400 and fault.kind not in _UNKNOWN_END


def _refused(fault: Fault) -> bool:
    """Whether the server has said that it has not begun: what else it did nobody can know."""
    if fault.status in _KEY_STATUSES:
        return fault.verdict in _REFUSALS or fault.kind is Kind.REGION_BLOCKED
    if fault.status == 429:
        return True
    # A 503 may come from a balancer that has lost the server in the middle, unless it gives its reason.
    reasoned = fault.delay_s is not None or fault.code is not None or fault.type is not None
    return fault.status == 503 and reasoned
