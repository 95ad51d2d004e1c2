"""Streams: whole ones end with DONE, all others with a fault."""

from itertools import pairwise

import msgspec
import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from halfopen.model import Kind, Usage
from halfopen.providers.contract import StreamKind
from halfopen.providers.gemini import GEMINI

WHOLE = ["text", "tools_parallel", "thoughts", "safety"]
BROKEN = ["error_midway", "error_event", "blocked_prompt", "malformed_call"]


def sse(*chunks):
    return b"".join(b"data: " + msgspec.json.encode(chunk) + b"\r\n\r\n" for chunk in chunks)


def piece(*parts, finish=None, index=0, **more):
    candidate = {"content": {"parts": list(parts)}, "index": index} | (
        {"finishReason": finish} if finish else {}
    )
    return {"candidates": [candidate], "responseId": "r1", "modelVersion": "m1"} | more


def kinds(events):
    return [event.kind.name for event in events]


def chunks(events):
    """Every chunk that the client gets, as the official client parses it."""
    lines = b"".join(event.data for event in events).split(b"\n\n")
    payloads = [line.removeprefix(b"data: ") for line in lines if line]
    return [ChatCompletionChunk.model_validate(msgspec.json.decode(each), strict=True) for each in payloads]


def content(events):
    return "".join(choice.delta.content or "" for chunk in chunks(events) for choice in chunk.choices)


@pytest.mark.parametrize("name", [*WHOLE, "blocked_prompt", "malformed_call"])
def test_recorded_streams_are_googles(recorded, name):
    """The streams under test are what Google's own client takes for a stream."""
    lines = [line for line in recorded(name).split(b"\r\n\r\n") if line]
    for line in lines:
        types.GenerateContentResponse.model_validate(msgspec.json.decode(line.removeprefix(b"data: ")))


def test_text(read, recorded):
    """A text arrives whole and in order, and ends as OpenAI ends it."""
    events = read(recorded("text"), include_usage=None)
    assert kinds(events) == ["OPENING", "CONTENT", "CONTENT", "CONTENT", "FINISH", "USAGE", "DONE"]
    assert content(events) == "The capital of France is Paris \N{EN DASH} naturally."
    assert [event.chars for event in events] == [0, 3, 18, 22, 0, 0, 0]
    assert events[-3].finish_reason == "stop"
    assert events[-2].usage == Usage(11, 9, 0, 0)
    assert events[-2].data == b""
    assert events[-1].data == b""
    assert chunks(events)[0].choices[0].delta.role == "assistant"


def test_usage_chunk_when_asked(read, recorded):
    """Who asks for usage gets it in a chunk without choices, before the end."""
    events = read(recorded("text"), stream_options={"include_usage": True})
    last = chunks(events)[-1]
    assert last.choices == []
    assert last.usage.total_tokens == 20


def test_parallel_calls(read, recorded):
    """Each call comes in one delta with its own index, id, arguments and signature."""
    events = read(recorded("tools_parallel"))
    assert kinds(events) == ["OPENING", "CONTENT", "CONTENT", "FINISH", "USAGE", "DONE"]
    calls = [call for chunk in chunks(events) for c in chunk.choices for call in c.delta.tool_calls or ()]
    assert [(call.index, call.id, call.function.name) for call in calls] == [
        (0, "fc_1a2b3c4d", "get_weather"),
        (1, "fc_5e6f7a8b", "get_weather"),
    ]
    assert [msgspec.json.decode(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"]
    assert calls[0].model_extra["extra_content"]["google"]["thought_signature"].startswith("EjQK")
    assert events[-3].finish_reason == "tool_calls"


def test_thoughts(read, recorded):
    """Thoughts are reasoning, not answer; the signature arrives; thoughts count as output."""
    events = read(recorded("thoughts"))
    assert kinds(events) == ["OPENING", "CONTENT", "CONTENT", "CONTENT", "OPENING", "FINISH", "USAGE", "DONE"]
    assert content(events) == "Forty-two."
    deltas = [choice.delta for chunk in chunks(events) for choice in chunk.choices]
    assert deltas[1].model_extra["reasoning_content"].startswith("**Weighing")
    assert deltas[4].model_extra["extra_content"]["google"]["thought_signature"] == "CpADAVSoXO6f1y8Zk3bQ"
    assert events[-2].usage == Usage(11, 62, 0, 58)


def test_safety_stop(read, recorded):
    """A filter that stops an answer says so."""
    events = read(recorded("safety"))
    assert events[-3].finish_reason == "content_filter"
    assert kinds(events)[-1] == "DONE"


@pytest.mark.parametrize(
    ("name", "delivered"),
    [
        pytest.param("error_midway", "The first half", id="raw JSON after the events"),
        pytest.param("error_event", "The first half", id="error event"),
        pytest.param("blocked_prompt", "", id="blocked prompt"),
        pytest.param("malformed_call", "", id="malformed call"),
    ],
)
def test_broken_streams(read, recorded, name, delivered):
    """A stream that fails ends with a fault and never with DONE."""
    events = read(recorded(name))
    assert kinds(events)[-1] == "FAULT"
    assert "DONE" not in kinds(events)
    assert content(events) == delivered


def test_a_bad_chunk_leaves_no_trace(read):
    """Of a chunk that ends in a fault nothing reaches the client, so another target can answer."""
    events = read(sse(piece({"text": "x"}, finish="OTHER")))
    assert kinds(events) == ["FAULT"]
    assert events[0].fault.kind is Kind.MALFORMED_ANSWER


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(b"", Kind.NO_FINISH, id="nothing"),
        pytest.param(b": ping\n\n", Kind.NO_FINISH, id="pings only"),
        pytest.param(b"data: [DONE]\n\n", Kind.NO_FINISH, id="DONE alone"),
        pytest.param(sse(piece({"text": "x"})), Kind.NO_FINISH, id="no finish"),
        pytest.param(
            sse(piece({"text": "x"})) + b"data: [DONE]\n\n", Kind.NO_FINISH, id="DONE without finish"
        ),
        pytest.param(sse(piece(finish="STOP")), Kind.EMPTY_ANSWER, id="finish without content"),
        pytest.param(
            sse(piece({"text": "x", "thought": True}, finish="STOP")), Kind.EMPTY_ANSWER, id="only thoughts"
        ),
        pytest.param(sse(piece({"text": "x"}, finish="STOP"))[:-9], Kind.CUT_BODY, id="cut in the finish"),
        pytest.param(
            sse(piece({"text": "x"}, finish="STOP")) + b"dat", Kind.CUT_BODY, id="tail after the finish"
        ),
        pytest.param(
            sse(piece({"text": "x"}, finish="STOP"), piece({"text": "y"})),
            Kind.MALFORMED_ANSWER,
            id="after finish",
        ),
        pytest.param(b"data: {]\n\n", Kind.MALFORMED_ANSWER, id="no JSON"),
        pytest.param(b"data: 5\n\n", Kind.MALFORMED_ANSWER, id="no object"),
        pytest.param(b"data: []\n\n", Kind.MALFORMED_ANSWER, id="empty list"),
        pytest.param(b"<html>\n\n", Kind.MALFORMED_ANSWER, id="HTML"),
        pytest.param(sse({"candidates": 5}), Kind.MALFORMED_ANSWER, id="candidates"),
        pytest.param(sse(piece({"text": "x"}, index=1)), Kind.MALFORMED_ANSWER, id="index nobody asked for"),
        pytest.param(b"data: {}\n" + b"x" * (5 << 20), Kind.ANSWER_TOO_LARGE, id="endless event"),
    ],
)
def test_streams_that_are_no_answer(read, data, kind):
    """What lacks its finish, its content or its form is a fault."""
    events = read(data)
    assert events[-1].fault.kind is kind
    assert kinds(events).count("FAULT") == 1


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(
            b'data: {"error":{"code":503,"status":"UNAVAILABLE","message":"overloaded"}}\n\n', id="event"
        ),
        pytest.param(
            b'data: [{"error":{"code":503,"status":"UNAVAILABLE","message":"overloaded"}}]\n\n', id="list"
        ),
        pytest.param(b'{"error":{"code":503,"status":"UNAVAILABLE","message":"overloaded"}}', id="raw"),
        pytest.param(
            b'event: error\ndata: {"error":{"code":503,"status":"UNAVAILABLE","message":"overloaded"}}\n\n',
            id="named",
        ),
        pytest.param(
            b'[{\n  "error": {\n    "code": 503,\n    "status": "UNAVAILABLE",\n    "message": "overloaded"\n  }\n}\n]\n',
            id="raw list",
        ),
    ],
)
@pytest.mark.parametrize(
    "before", [pytest.param(b"", id="first"), pytest.param(sse(piece({"text": "x"})), id="later")]
)
def test_errors_in_a_stream(read, before, error):
    """An error is recognised in every form in which it comes."""
    fault = read(before + error)[-1].fault
    assert fault is not None
    assert fault.kind not in (Kind.CUT_BODY, Kind.NO_FINISH, Kind.MALFORMED_ANSWER)


def test_pings_and_empty_chunks(read):
    """Comments and chunks that say nothing are pings, and blank lines are nothing at all."""
    usage = {"usageMetadata": {"promptTokenCount": 3}, "responseId": "r1"}
    events = read(b": ping\r\n\r\n\r\n" + sse(usage, piece({"text": "x"}, finish="STOP"), usage))
    assert kinds(events) == ["PING", "PING", "OPENING", "CONTENT", "FINISH", "PING", "USAGE", "DONE"]


def test_several_candidates_need_a_finish_each(read):
    """With n = 2 the finish evidence is complete when both have finished."""
    first = sse(piece({"text": "a"}, finish="STOP"), piece({"text": "b"}, index=1))
    assert read(first, n=2)[-1].fault.kind is Kind.NO_FINISH
    events = read(first + sse(piece(finish="MAX_TOKENS", index=1)), n=2)
    assert kinds(events) == ["OPENING", "CONTENT", "OPENING", "CONTENT", "FINISH", "DONE"]
    finishes = [choice.finish_reason for chunk in chunks(events) for choice in chunk.choices]
    assert [each for each in finishes if each] == ["stop", "length"]


def test_a_legacy_client_gets_function_call(read):
    """Who asks with functions gets a function_call delta, and has room for one."""
    functions = [{"name": "f"}]
    call = {"functionCall": {"name": "f", "args": {"x": 1}}}
    events = read(sse(piece(call, finish="STOP")), functions=functions)
    assert chunks(events)[1].choices[0].delta.function_call.name == "f"
    assert events[-2].finish_reason == "function_call"
    assert read(sse(piece(call, call, finish="STOP")), functions=functions)[-1].fault is not None


def test_ids_without_a_response_id(read):
    """Without responseId, ids follow from the bytes: all chunks share one, and it is the same again."""
    data = sse({"candidates": [{"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}]})
    events = read(data)
    assert len({chunk.id for chunk in chunks(events)}) == 1
    assert [event.data for event in read(data)] == [event.data for event in events]


def test_logprobs(read):
    """Log probabilities ride on the content."""
    chunk = piece({"text": "a"}, finish="STOP")
    chunk["candidates"][0]["logprobsResult"] = {"chosenCandidates": [{"token": "a", "logProbability": -1}]}
    events = read(sse(chunk), logprobs=True)
    assert chunks(events)[1].choices[0].logprobs.content[0].logprob == -1
    late = read(sse(piece({"text": "a"}), chunk | {"candidates": [chunk["candidates"][0] | {"content": {}}]}))
    assert chunks(late)[-1].choices[0].logprobs.content[0].token == "a"


def test_nothing_follows_the_end(chat, target, recorded):
    """After DONE or FAULT a reader says nothing more."""
    for name in ("text", "error_event"):
        reader = GEMINI.reader(chat(stream=True), target())
        reader.feed(recorded(name))
        reader.close()
        assert reader.feed(recorded("text")) == []
        assert reader.close() == []


@pytest.mark.parametrize("name", WHOLE + BROKEN)
@pytest.mark.parametrize("newline", [pytest.param(b"\r\n", id="CRLF"), pytest.param(b"\n", id="LF")])
def test_chunk_boundaries_change_nothing(read, recorded, name, newline):
    """Byte by byte or at once, the events are the same."""
    data = recorded(name).replace(b"\r\n", newline)
    whole = read(data)
    for step in (1, 2, 7, 64):
        assert read(data, step) == whole


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("newline", [pytest.param(b"\r\n", id="CRLF"), pytest.param(b"\n", id="LF")])
def test_truncation_at_every_byte_is_a_fault(read, recorded, name, newline):
    """A stream cut anywhere before its finish chunk is complete never passes for whole."""
    data = recorded(name).replace(b"\r\n", newline)
    complete = len(data.rstrip()) + 1  # the finish chunk with the first byte of its line's end
    whole = content(read(data))
    for at in range(complete):
        events = read(data[:at])
        assert kinds(events)[-1] == "FAULT", data[:at]
        assert "DONE" not in kinds(events)
        assert whole.startswith(content(events))
    assert kinds(read(data[:complete]))[-1] == "DONE"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_PART = st.one_of(
    st.fixed_dictionaries({"text": st.text(max_size=8) | _JSON}, optional={"thought": st.booleans() | _JSON}),
    st.fixed_dictionaries(
        {"functionCall": st.fixed_dictionaries({"name": st.text(max_size=5) | _JSON, "args": _JSON}) | _JSON}
    ),
    _JSON,
)
_FINISH = st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", "MALFORMED_FUNCTION_CALL"]) | _JSON
_CHUNK = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "content": st.fixed_dictionaries({"parts": st.lists(_PART, max_size=3) | _JSON}) | _JSON,
                    "finishReason": _FINISH,
                    "index": st.integers(0, 1) | _JSON,
                    "logprobsResult": _JSON,
                },
            ),
            max_size=2,
        )
        | _JSON,
        "usageMetadata": _JSON,
        "promptFeedback": _JSON,
        "responseId": _JSON,
        "error": _JSON,
    },
)
_EVENT = st.one_of(
    _CHUNK.map(lambda value: b"data: " + msgspec.json.encode(value)),
    _JSON.map(msgspec.json.encode),
    st.binary(max_size=20),
    st.just(b": ping"),
    st.just(b"event: error"),
)
_STREAM = st.lists(
    st.tuples(_EVENT, st.sampled_from([b"\n\n", b"\r\n\r\n", b"\n", b"\r\r"])), max_size=6
).map(lambda events: b"".join(event + end for event, end in events))


@settings(max_examples=300, deadline=None)
@given(data=_STREAM, cuts=st.lists(st.integers(0, 400), max_size=5), n=st.integers(1, 2))
def test_any_bytes_end_in_one_way(chat, target, data, cuts, n):
    """Any bytes in any pieces end in exactly one DONE or FAULT, the same for all pieces, and never raise."""

    def run(bounds):
        reader = GEMINI.reader(chat(stream=True, n=n), target())
        edges = [0, *sorted(min(each, len(data)) for each in bounds), len(data)]
        events = [each for a, b in pairwise(edges) for each in reader.feed(data[a:b])]
        return events + reader.close()

    events = run(())
    ends = [event.kind for event in events if event.kind in (StreamKind.DONE, StreamKind.FAULT)]
    assert len(ends) == 1
    assert events[-1].kind in (StreamKind.DONE, StreamKind.FAULT)
    assert run(cuts) == events
    chunks(events)


@settings(max_examples=200, deadline=None)
@given(value=_CHUNK | _JSON | st.binary(max_size=40))
def test_any_whole_answer_is_judged(chat, target, reply, value):
    """Any body of a 200 gives an answer or a fault, and never raises."""
    assert GEMINI.answer(chat(), target(), reply(value)) is not None


def test_chunks_carry_the_drivers_time(chat, target, recorded):
    """Gemini's streams say no time, so the driver's is in every chunk."""
    reader = GEMINI.reader(chat(stream=True), target(), created_s=1700000000)
    events = [*reader.feed(recorded("text")), *reader.close()]
    data = [event.data for event in events if event.data]
    assert data
    assert all(b'"created":1700000000,' in each for each in data)


def test_an_empty_stream_that_has_a_reason(read):
    """Before a stop sequence the model may say nothing; otherwise it failed."""
    raw = b'data: {"candidates":[{"finishReason":"STOP","index":0}]}\n\n'
    assert read(raw, stop="END")[-1].kind is StreamKind.DONE
    assert read(raw)[-1].fault.kind is Kind.EMPTY_ANSWER
