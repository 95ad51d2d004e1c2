"""Spans that are made of rows after the fact."""

from typing import Any

import pytest

from halfopen.exporters.otlp.facts import requests_of
from halfopen.exporters.otlp.names import upstreams
from halfopen.exporters.otlp.spans import is_wanted, spans
from halfopen.model import trace

SENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NS = 1_000_000_000


def of(made: Any, outcome: Any) -> Any:
    rows, _ = made.folded(outcome)
    (request,) = requests_of(rows)
    return request


def spans_of(made: Any, outcome: Any) -> list[Any]:
    return spans(of(made, outcome), upstreams(made.snapshot()))


def seconds(made: Any, span: Any) -> tuple[float, float]:
    """Beginning and end by the clock of the outcome."""
    return (
        round(span.start_time_unix_nano / NS - made.wall_s, 3),
        round(span.end_time_unix_nano / NS - made.wall_s, 3),
    )


def test_a_plain_request(made: Any, plain: Any) -> None:
    """It has a server's span and one of its call, with the times that the row has."""
    server, client = spans_of(made, made.ok())
    assert (server.name, server.kind, seconds(made, server)) == ("chat gpt-4o", 2, (10.0, 13.0))
    assert (client.name, client.kind, seconds(made, client)) == ("chat gpt-4o", 3, (10.1, 13.0))
    assert server.status.code == client.status.code == 0
    attributes = plain(server.attributes)
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.provider.name": "openai",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": pytest.approx(1.0, abs=1e-4),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "halfopen.request.id": "r-1",
        "halfopen.route": "gpt-4o",
        "halfopen.target": "openai/gpt-4o",
        "halfopen.caller": "shop",
        "halfopen.snapshot": "abc",
        "halfopen.attempts": 1,
        "halfopen.rescued": False,
        "halfopen.cost_usd": pytest.approx((100 * 2.5 + 20 * 10) / 1e6),
        "halfopen.wasted_usd": 0.0,
    }
    assert plain(client.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": pytest.approx(0.9, abs=1e-4),
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "server.address": "api.openai.com",
        "server.port": 443,
        "halfopen.target": "openai/gpt-4o",
        "halfopen.attempt": 1,
    }


def test_a_rescued_request(made: Any, plain: Any) -> None:
    """The request is fine, the first call has the error, the second one answered from elsewhere."""
    server, first, second = spans_of(made, made.rescued())
    assert server.status.code == 0
    assert plain(server.attributes)["halfopen.rescued"] is True
    assert (first.status.code, first.status.message) == (2, "server_error")
    told = plain(first.attributes)
    assert (told["error.type"], told["http.response.status_code"]) == ("server_error", 500)
    assert "gen_ai.usage.input_tokens" not in told
    assert seconds(made, first) == (10.0, 10.5)
    assert (second.name, second.status.code, seconds(made, second)) == ("chat haiku", 0, (10.5, 12.0))
    told = plain(second.attributes)
    assert told["gen_ai.provider.name"] == "anthropic"
    assert (told["server.address"], told["server.port"]) == ("127.0.0.1", 9001)


def test_a_failed_request(made: Any, plain: Any) -> None:
    """The kind of its fault is the error's type, and who was passed over is an event with the reason."""
    server, _ = spans_of(made, made.failed())
    assert (server.status.code, server.status.message) == (2, "server_error")
    told = plain(server.attributes)
    assert told["error.type"] == "server_error"
    assert "gen_ai.response.model" not in told
    assert told["halfopen.skipped"] == ["claude/haiku: breaker open"]
    (event,) = server.events
    assert plain(event.attributes) == {"halfopen.target": "claude/haiku", "halfopen.reason": "breaker open"}


def test_a_client_that_left(made: Any, plain: Any) -> None:
    """It is told, and is no error of the gateway."""
    server, *_ = spans_of(made, made.ok(client_gone=True))
    assert plain(server.attributes)["error.type"] == "client_gone"
    assert server.status.code == 0


def test_a_continued_answer(made: Any, plain: Any) -> None:
    """Who went on with it is told."""
    server, *_ = spans_of(made, made.continued())
    assert plain(server.attributes)["halfopen.continued"] == ["claude/haiku after cut_body"]


def test_ids_are_those_of_the_gateway(made: Any) -> None:
    """An upstream that made spans of its own finds its parent among them."""
    server, first, second = spans_of(made, made.rescued())
    ids = trace.trace_id("r-2"), trace.span_id("r-2"), trace.span_id("r-2", 1), trace.span_id("r-2", 2)
    assert (server.trace_id.hex(), server.span_id.hex(), first.span_id.hex(), second.span_id.hex()) == ids
    assert {span.trace_id for span in (first, second)} == {server.trace_id}
    assert {span.parent_span_id for span in (first, second)} == {server.span_id}
    assert server.parent_span_id == b""


def test_the_clients_span_is_the_parent(made: Any) -> None:
    """The trace that the client began goes on."""
    server, first, _ = spans_of(made, made.rescued(trace=SENT))
    assert server.trace_id.hex() == first.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert server.parent_span_id.hex() == "b7ad6b7169203331"
    assert server.flags == 0x301
    assert first.flags == 0x101


def test_a_part_is_traced(made: Any) -> None:
    """About a tenth of whole answers, always the same ones; every failure and every rescue."""
    requests = [of(made, made.ok(number)) for number in range(2000)]
    kept = [request.id for request in requests if is_wanted(request, 0.1)]
    assert 140 < len(kept) < 260
    assert kept == [request.id for request in requests if is_wanted(request, 0.1)]
    assert all(is_wanted(of(made, make()), 0.0) for make in (made.failed, made.rescued, made.continued))
    assert not any(is_wanted(request, 0.0) for request in requests)
    assert all(is_wanted(request, 1.0) for request in requests)


def test_what_the_client_leaves_out_is_left_out(made: Any) -> None:
    """A trace whose flag says that it isn't kept has no spans of ours, but for a failure."""
    unsampled = SENT.removesuffix("01") + "00"
    assert not is_wanted(of(made, made.ok(trace=unsampled)), 1.0)
    assert is_wanted(of(made, made.failed(trace=unsampled)), 1.0)
    assert is_wanted(of(made, made.ok(trace=SENT)), 1.0)
