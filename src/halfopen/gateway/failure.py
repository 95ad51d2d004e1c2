"""A failure as the client sees it: OpenAI's error shape, with what to do about it.

The official clients read `message`, `type`, `param` and `code`; everything of ours is in
`halfopen`. `x-should-retry: false` keeps them from repeating what has been tried already.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from halfopen.model import Attempt, Fault, Kind, Skip, Verdict

_TYPES = {
    Verdict.FIX_REQUEST: "invalid_request_error",
    Verdict.KEY: "authentication_error",
    Verdict.QUOTA: "insufficient_quota",
    Verdict.THROTTLE: "rate_limit_error",
}
_ENCODER = msgspec.json.Encoder()
_NO_RETRY = ("x-should-retry", "false")
_JSON = ("content-type", "application/json")


def status_of(fault: Fault) -> int:
    """The HTTP status to answer with: the one that the fault deserves, always 4xx or 5xx."""
    status = fault.effective_status or fault.status or 502
    return status if 400 <= status <= 599 else 502


def error_body(
    fault: Fault, request_id: str, attempts: Sequence[Attempt] = (), skips: Sequence[Skip] = ()
) -> dict[str, Any]:
    """The error object. `fault` has been redacted."""
    return {
        "error": {
            "message": fault.message,
            "type": fault.type or _TYPES.get(fault.verdict, "server_error"),
            "param": fault.param,
            "code": fault.code or fault.kind.value,
            "halfopen": {
                "kind": fault.kind.value,
                "verdict": fault.verdict.value,
                "place": fault.place.value,
                "remedy": fault.remedy,
                "request_id": request_id,
                "evidence": list(fault.evidence),
                "attempts": [_attempt(attempt) for attempt in attempts],
                "skipped": [{"target": skip.target, "reason": skip.reason} for skip in skips],
            },
        }
    }


def error_json(
    fault: Fault, request_id: str, attempts: Sequence[Attempt] = (), skips: Sequence[Skip] = ()
) -> bytes:
    """The error object as JSON."""
    return _ENCODER.encode(error_body(fault, request_id, attempts, skips))


def error_headers(fault: Fault) -> list[tuple[str, str]]:
    """Headers of a final failure."""
    headers = [_JSON, _NO_RETRY]
    if fault.delay_s is not None and fault.verdict is not Verdict.FIX_REQUEST:
        headers.append(("retry-after", str(max(1, round(fault.delay_s)))))
    if fault.kind is Kind.NO_CAPACITY and fault.delay_s is None:
        headers.append(("retry-after", "1"))
    return headers


def _attempt(attempt: Attempt) -> dict[str, Any]:
    fault = attempt.fault
    return {
        "target": attempt.target,
        "status": attempt.status,
        "kind": fault.kind.value if fault else None,
        "message": fault.message if fault else None,
        "duration_s": round(attempt.ended - attempt.started, 3),
    }
