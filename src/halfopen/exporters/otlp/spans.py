"""A request as spans: one of the gateway as a server, and one of each attempt as a client.

Rules
1. Ids are those that the gateway told the upstreams: `model.trace` makes them of the request's id alone.
2. The client's span, if it sent a `traceparent`, is the parent of the server's, and that of every attempt.
3. A span has an error if what it stands for failed: a rescued request has none, its first attempt has.
"""

from collections.abc import Mapping
from typing import Final

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from halfopen.exporters.otlp.attributes import Value, pairs
from halfopen.exporters.otlp.facts import Call, Request
from halfopen.exporters.otlp.names import Upstream, operation, unknown
from halfopen.model import trace
from halfopen.seams.sums import CANCELLED, GONE, OK

_NS: Final = 1_000_000_000
_SAMPLED: Final = 1
_REMOTE_KNOWN: Final = 0x100
_REMOTE: Final = 0x200
"""Bits of a span's flags that say whether its parent is in another process."""


def is_wanted(request: Request, part: float) -> bool:
    """Whether a request is traced: every one that failed or was rescued, and a part of the others.

    Every process says the same of one trace. What the client left out of its trace is left out here.
    """
    if not request.plain:
        return True
    sent = trace.context_of(request.trace) if request.trace else None
    if sent is not None and not sent.sampled:
        return False
    return trace.is_sampled(trace.trace_id(request.id, request.trace), part)


def spans(request: Request, upstreams: Mapping[str, Upstream]) -> list[Span]:
    """The spans of a request, its own first. `upstreams`: targets in the words of the conventions."""
    trace_id = bytes.fromhex(trace.trace_id(request.id, request.trace))
    own_id = bytes.fromhex(trace.span_id(request.id))
    made = [_server(request, upstreams)]
    made[0].trace_id, made[0].span_id = trace_id, own_id
    for number, call in enumerate(request.calls, 1):
        span = _client(request, call, number, upstreams.get(call.target) or unknown(call.target))
        span.trace_id = trace_id
        span.span_id = bytes.fromhex(trace.span_id(request.id, number))
        span.parent_span_id = own_id
        made.append(span)
    return made


def _server(request: Request, upstreams: Mapping[str, Upstream]) -> Span:
    asked = operation(request.client)
    target = request.target
    answered = (upstreams.get(target) or unknown(target)) if target else None
    failed = request.result != OK
    usage = request.usage
    attributes: dict[str, Value | None] = {
        "gen_ai.operation.name": asked,
        "gen_ai.request.model": request.route,
        "gen_ai.provider.name": answered.provider if answered else None,
        "gen_ai.response.model": answered.model if answered and request.served_by else None,
        "gen_ai.request.stream": request.stream,
        "gen_ai.response.time_to_first_chunk": request.first_content_s if request.stream else None,
        "gen_ai.usage.input_tokens": usage.input_tokens if usage else None,
        "gen_ai.usage.output_tokens": usage.output_tokens if usage else None,
        "gen_ai.usage.cache_read.input_tokens": (usage.cached_tokens or None) if usage else None,
        "error.type": request.result if failed else None,
        "halfopen.request.id": request.id,
        "halfopen.route": request.route,
        "halfopen.target": target or None,
        "halfopen.caller": request.caller or None,
        "halfopen.snapshot": request.snapshot or None,
        "halfopen.attempts": len(request.calls),
        "halfopen.rescued": request.rescued,
        "halfopen.skipped": tuple(f"{name}: {reason}" for name, reason in request.skips) or None,
        "halfopen.continued": tuple(f"{name} after {kind}" for name, kind in request.continued) or None,
        "halfopen.cost_usd": request.cost_usd,
        "halfopen.wasted_usd": request.wasted_usd,
    }
    span = _span(f"{asked} {request.route}", Span.SPAN_KIND_SERVER, request, 0.0, request.duration_s)
    span.attributes.extend(pairs(attributes))
    span.flags = _SAMPLED | _REMOTE_KNOWN
    parent = trace.context_of(request.trace) if request.trace else None
    if parent is not None:
        span.parent_span_id = bytes.fromhex(parent.parent_id)
        span.flags |= _REMOTE
    for name, reason in request.skips:
        event = span.events.add(name="halfopen.skip", time_unix_nano=_ns(request.arrived_wall_s))
        event.attributes.extend(pairs({"halfopen.target": name, "halfopen.reason": reason}))
    if failed and request.result != GONE:
        span.status.code = Status.STATUS_CODE_ERROR
        span.status.message = request.result
    return span


def _client(request: Request, call: Call, number: int, upstream: Upstream) -> Span:
    usage = call.usage
    failed = call.result not in (OK, CANCELLED)
    attributes: dict[str, Value | None] = {
        "gen_ai.operation.name": upstream.operation,
        "gen_ai.provider.name": upstream.provider,
        "gen_ai.request.model": upstream.model,
        "gen_ai.request.stream": request.stream,
        "gen_ai.response.time_to_first_chunk": _since(call.began_s, call.first_content_s)
        if request.stream
        else None,
        "gen_ai.usage.input_tokens": usage.input_tokens if usage else None,
        "gen_ai.usage.output_tokens": usage.output_tokens if usage else None,
        "gen_ai.usage.cache_read.input_tokens": (usage.cached_tokens or None) if usage else None,
        "gen_ai.usage.reasoning.output_tokens": (usage.reasoning_tokens or None) if usage else None,
        "server.address": upstream.address or None,
        "server.port": upstream.port or None,
        "http.response.status_code": call.status,
        "error.type": call.result if failed else None,
        "halfopen.target": call.target,
        "halfopen.attempt": number,
        "halfopen.cancelled": True if call.result == CANCELLED else None,
    }
    name = f"{upstream.operation} {upstream.model}"
    span = _span(name, Span.SPAN_KIND_CLIENT, request, call.began_s, call.ended_s)
    span.attributes.extend(pairs(attributes))
    span.flags = _SAMPLED | _REMOTE_KNOWN
    if failed:
        span.status.code = Status.STATUS_CODE_ERROR
        span.status.message = call.result
    return span


def _span(name: str, kind: Span.SpanKind.ValueType, request: Request, began_s: float, ended_s: float) -> Span:
    arrived_s = request.arrived_wall_s
    return Span(
        name=name,
        kind=kind,
        start_time_unix_nano=_ns(arrived_s + began_s),
        end_time_unix_nano=_ns(arrived_s + max(began_s, ended_s)),
    )


def _since(began_s: float, first_s: float | None) -> float | None:
    return None if first_s is None else max(first_s - began_s, 0.0)


def _ns(wall_s: float) -> int:
    return max(int(wall_s * _NS), 0)
