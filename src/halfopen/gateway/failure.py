"""A failure as the client gets it: its status and headers, and what our part of the error says.

The words are those of the client's dialect. `x-should-retry: false` keeps the official clients from
repeating what has been tried already. A request that was turned away before anything was tried goes
without it: they come again by themselves, at the time that `retry-after` says.
"""

import math
from collections.abc import Sequence
from typing import Any

from halfopen.model import Attempt, Fault, Kind, Skip, Verdict
from halfopen.providers import Failure

_NO_RETRY = ("x-should-retry", "false")
_JSON = ("content-type", "application/json")
_WAIT_MAX_S = 60.0
"""The official clients come again by themselves after at most so long."""


def failure_of(
    fault: Fault, request_id: str, attempts: Sequence[Attempt] = (), skips: Sequence[Skip] = ()
) -> Failure:
    """The failure to be worded. `fault` has been redacted."""
    details = {
        "kind": fault.kind.value,
        "verdict": fault.verdict.value,
        "place": fault.place.value,
        "remedy": fault.remedy,
        "request_id": request_id,
        "evidence": list(fault.evidence),
        "attempts": [_attempt(attempt) for attempt in attempts],
        "skipped": [{"target": skip.target, "reason": skip.reason} for skip in skips],
    }
    return Failure(fault, status_of(fault), request_id, details)


def status_of(fault: Fault) -> int:
    """The HTTP status to answer with: the one that the fault deserves, always 4xx or 5xx."""
    status = fault.effective_status or fault.status or 502
    return status if 400 <= status <= 599 else 502


def error_headers(fault: Fault, attempts: int = 0) -> list[tuple[str, str]]:
    """Headers of a final failure after so many attempts."""
    untried = attempts == 0 and (fault.kind is Kind.NO_CAPACITY or _is_over_soon(fault))
    headers = [_JSON] if untried else [_JSON, _NO_RETRY]
    if fault.delay_s is not None and fault.verdict is not Verdict.FIX_REQUEST:
        headers.append(("retry-after", str(max(1, math.ceil(fault.delay_s)))))
    if fault.kind is Kind.NO_CAPACITY and fault.delay_s is None:
        headers.append(("retry-after", "1"))
    return headers


def _is_over_soon(fault: Fault) -> bool:
    """Whether the caller's budget is renewed within what the official clients wait for."""
    return fault.kind is Kind.OVER_BUDGET and (fault.delay_s or 0.0) <= _WAIT_MAX_S


def _attempt(attempt: Attempt) -> dict[str, Any]:
    fault = attempt.fault
    return {
        "target": attempt.target,
        "status": attempt.status,
        "kind": fault.kind.value if fault else None,
        "message": fault.message if fault else None,
        "duration_s": round(attempt.ended - attempt.started, 3),
    }
