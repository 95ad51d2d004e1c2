"""What keeps a target from standing in for the first of its route, whatever it can do."""

from collections.abc import Callable
from dataclasses import replace

from halfopen import errors
from halfopen.model import Fault, Kind, Target
from halfopen.policy import Journey
from halfopen.providers import Ask
from halfopen.providers.clients.embeddings import other_space
from halfopen.providers.clients.embeddings.request import Embedding
from halfopen.providers.clients.relay import Relayed, may_repeat

_NOT_THERE = frozenset((404, 405, 410))


def bound_elsewhere(ask: Ask, first: Target, target: Target) -> str | None:
    """Why only the first target of the route will do; None: this one may do as well."""
    if isinstance(ask, Embedding):
        return other_space(first, target)
    if isinstance(ask, Relayed) and ask.rule.bound and target is not first:
        return f"what it names is kept at {first.provider}"
    return None


def own_fault(ask: Ask, fault: Fault) -> Fault:
    """The fault as it is meant for a request: what a relayed one names and isn't there is its own affair."""
    if not isinstance(ask, Relayed) or fault.status not in _NOT_THERE:
        return fault
    mine = errors.make(
        Kind.INVALID_REQUEST, fault.message, status=fault.status, effective_status=fault.status
    )
    return replace(mine, type=fault.type, code=fault.code, param=fault.param, request_id=fault.request_id)


def repetition_of(ask: Ask, journey: Callable[[], Journey]) -> Callable[[Fault], bool] | None:
    """What says whether a request may be sent again after a fault; None: it always may."""
    if not isinstance(ask, Relayed):
        return None
    rule = ask.rule
    return lambda fault: may_repeat(rule, fault, sent=journey().attempts[-1].connected is not None)
