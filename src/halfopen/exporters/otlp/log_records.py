"""A log record of a request that failed or was rescued.

It holds no word that an upstream or a client wrote: kinds, names of targets and figures say what happened.
"""

from collections import Counter
from typing import Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import SEVERITY_NUMBER_ERROR, SEVERITY_NUMBER_WARN, LogRecord

from halfopen.exporters.otlp.attributes import Value, pairs
from halfopen.exporters.otlp.facts import Request
from halfopen.model import trace
from halfopen.seams.sums import CANCELLED, GONE, OK

FAILED: Final = "halfopen.request.failed"
RESCUED: Final = "halfopen.request.rescued"
_NS: Final = 1_000_000_000
_SAMPLED: Final = 1


def log_record(request: Request, now_wall_s: float) -> LogRecord | None:
    """What is worth a line of a request; None: nothing is.

    A client that gave up is not: it knows that itself.
    """
    if request.plain or request.result == GONE:
        return None
    attributes: dict[str, Value | None] = {
        "error.type": request.result if request.result != OK else None,
        "halfopen.request.id": request.id,
        "halfopen.route": request.route,
        "halfopen.target": request.target or None,
        "halfopen.caller": request.caller or None,
        "halfopen.snapshot": request.snapshot or None,
        "halfopen.attempts": len(request.calls),
        "halfopen.failures": tuple(_failures(request)) or None,
        "halfopen.skipped": tuple(f"{name}: {reason}" for name, reason in request.skips) or None,
        "halfopen.duration_s": request.duration_s,
    }
    number, text, name = (
        (SEVERITY_NUMBER_WARN, "WARN", RESCUED)
        if request.rescued
        else (SEVERITY_NUMBER_ERROR, "ERROR", FAILED)
    )
    return LogRecord(
        time_unix_nano=int((request.arrived_wall_s + request.duration_s) * _NS),
        observed_time_unix_nano=int(now_wall_s * _NS),
        severity_number=number,
        severity_text=text,
        event_name=name,
        body=AnyValue(string_value=sentence(request)),
        attributes=pairs(attributes),
        trace_id=bytes.fromhex(trace.trace_id(request.id, request.trace)),
        span_id=bytes.fromhex(trace.span_id(request.id)),
        flags=_SAMPLED,
    )


def sentence(request: Request) -> str:
    """The same for a person."""
    causes = [f"{kind} at {target}" for target, kind in _told(request)]
    causes += [f"{target} passed over: {reason}" for target, reason in request.skips]
    for_whom = f"a request for {request.route}"
    if request.rescued:
        return f"{for_whom} was answered by {request.target}, after {', '.join(causes) or 'a cut answer'}"
    if not causes:
        return f"{for_whom} failed: {request.result}"
    return f"{for_whom} failed: {request.result}, after {', '.join(causes)}"


def _told(request: Request) -> list[tuple[str, str]]:
    return [(call.target, call.result) for call in request.calls if call.result not in (OK, CANCELLED)]


def _failures(request: Request) -> list[str]:
    counts = Counter(_told(request))
    return [
        f"{target}: {kind}" + (f" ({times} times)" if times > 1 else "")
        for (target, kind), times in counts.items()
    ]
