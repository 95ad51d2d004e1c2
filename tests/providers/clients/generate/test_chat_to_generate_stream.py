"""Streams written for Google's clients, read by the official client into its typed objects."""

import asyncio
import time
from itertools import pairwise
from typing import Any

import httpx2
import msgspec
import pytest
from google import genai
from google.genai import errors as google
from google.genai import types

from halfopen.model import Kind, Usage
from halfopen.providers import Form
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.contract import StreamEvent, StreamKind

HELLO = "The capital of France is Paris \u2013 naturally."


def call_piece(index: int, arguments: str, name: str | None = None) -> dict[str, Any]:
    piece: dict[str, Any] = {"index": index, "function": {"arguments": arguments}}
    if name is not None:
        piece |= {"id": f"call_{name}", "type": "function"}
        piece["function"]["name"] = name
    return {"tool_calls": [piece]}


def openai(*events: bytes) -> bytes:
    return b"".join(events) + b"data: [DONE]\n\n"


@pytest.mark.parametrize("piece", [1, 7, 1 << 20], ids=["bytes", "sevens", "whole"])
@pytest.mark.parametrize(
    ("dialect", "recorded", "text"),
    [
        pytest.param("openai", "openai_text", None, id="openai"),
        pytest.param("anthropic", "anthropic_text", None, id="anthropic"),
        pytest.param("gemini", "gemini_text", HELLO, id="gemini"),
    ],
)
def test_text(desk: Any, dialect: str, recorded: str, text: str | None, piece: int) -> None:
    """Whoever answers, the client reads the text, one STOP and the usage in the last response."""
    events = desk.events(dialect, desk.recorded(recorded))
    read = desk.read(desk.written(events), piece=piece)
    assert read.text == (text or "".join(event.text for event in events))
    assert read.text
    assert read.reasons == ["STOP"]
    assert read.usage is not None
    thought = read.usage.thoughts_token_count or 0
    answer = read.usage.candidates_token_count
    assert read.usage.total_token_count == read.usage.prompt_token_count + answer + thought
    assert all(response.text is not None for response in read.responses)
    assert {response.response_id for response in read.responses} != {None}
    assert len({response.response_id for response in read.responses}) == 1


@pytest.mark.parametrize(
    ("dialect", "recorded"),
    [
        pytest.param("openai", "openai_tools", id="openai"),
        pytest.param("anthropic", "anthropic_tools", id="anthropic"),
        pytest.param("gemini", "gemini_tools_parallel", id="gemini"),
    ],
)
def test_calls(desk: Any, dialect: str, recorded: str) -> None:
    """Tool calls come whole, with objects for arguments and ids, and finish with STOP."""
    read = desk.read(desk.written(desk.events(dialect, desk.recorded(recorded))))
    assert len(read.calls) > 1
    assert read.calls[0].args
    assert all(isinstance(call.args, dict) and call.id and call.name for call in read.calls)
    assert read.reasons == ["STOP"]


@pytest.mark.parametrize(
    "recorded", ["gemini_text", "gemini_thoughts", "gemini_tools_parallel", "gemini_safety"]
)
def test_native_bytes(desk: Any, recorded: str) -> None:
    """A Gemini stream passes byte for byte when all of it is native."""
    data = desk.recorded(recorded)
    assert desk.written(desk.events("gemini", data)) == data


@pytest.mark.parametrize("recorded", ["gemini_text", "gemini_tools_parallel"])
def test_native_array(desk: Any, recorded: str) -> None:
    """Without alt=sse the same responses are one JSON array."""
    data, ask = desk.recorded(recorded), desk.array()
    sent = [msgspec.json.decode(line[6:]) for line in data.splitlines() if line.startswith(b"data: ")]
    assert msgspec.json.decode(desk.written(desk.events("gemini", data, ask), ask)) == sent
    assert GENERATE.writer(ask, request_id="r", created_s=0).content_type.startswith("application/json")


def test_translated_array(desk: Any) -> None:
    """Chunks make the elements of the array, too; a ping between them is white space."""
    ask = desk.array()
    writer = GENERATE.writer(ask, request_id="r", created_s=0)
    out = [writer.ping()]
    for event in desk.events("openai", desk.recorded("openai_text"), ask):
        out += [writer.write(event), writer.ping()]
    responses = msgspec.json.decode(b"".join([*out, writer.finish()]))
    assert responses[-1]["candidates"][0]["finishReason"] == "STOP"
    assert [each for each in responses if "usageMetadata" in each] == responses[-1:]


def test_empty_array(desk: Any) -> None:
    """A stream without events is an empty array."""
    assert desk.written([], desk.array()) == b"[]"


def test_interleaved_calls(desk: Any, chunked: Any) -> None:
    """Calls whose pieces alternate are each written once and whole, in their order."""
    data = openai(
        chunked(call_piece(0, '{"a":', "first")),
        chunked(call_piece(1, '{"b"', "second")),
        chunked(call_piece(0, "1}")),
        chunked(call_piece(1, ":2}")),
        chunked({}, "tool_calls"),
    )
    read = desk.read(desk.written(desk.events("openai", data)))
    assert [(call.name, call.args) for call in read.calls] == [("first", {"a": 1}), ("second", {"b": 2})]


def test_call_is_written_when_next_begins(desk: Any, chunked: Any) -> None:
    """A whole call goes out as soon as another begins, and not before."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    pieces = [call_piece(0, "{}", "first"), call_piece(1, "{}", "second")]
    out = [writer.write(StreamEvent(StreamKind.CONTENT, chunked(each), form=Form.CALL)) for each in pieces]
    assert out[0] == b""
    assert b'"first"' in out[1]
    assert b'"second"' not in out[1]


@pytest.mark.parametrize(
    "index", [{}, {"index": None}, {"index": 0}], ids=["no index", "null", "all of index 0"]
)
def test_calls_without_places(desk: Any, chunked: Any, index: dict[str, Any]) -> None:
    """Parallel calls of servers that don't number them are told apart by their ids."""
    begun = [
        {"id": f"call_{name}", "type": "function", "function": {"name": name, "arguments": '{"at":'}, **index}
        for name in ("first", "second")
    ]
    more = [{"function": {"arguments": f"{place}}}"}, **index} for place in (1, 2)]
    pieces = [begun[0], more[0], begun[1], more[1]]
    events = [
        StreamEvent(StreamKind.CONTENT, chunked({"tool_calls": [each]}), form=Form.CALL) for each in pieces
    ]
    events.append(StreamEvent(StreamKind.FINISH, chunked({}, "tool_calls"), finish_reason="tool_calls"))
    read = desk.read(desk.written(events))
    assert [(call.id, call.name, call.args) for call in read.calls] == [
        ("call_first", "first", {"at": 1}),
        ("call_second", "second", {"at": 2}),
    ]
    assert read.reasons == ["STOP"]


def test_the_finish_has_the_last_calls(desk: Any, chunked: Any) -> None:
    """No empty text comes after calls: the client would send it back between them and their results."""
    data = openai(
        chunked({"content": "Let me see."}),
        chunked(call_piece(0, "{}", "first")),
        chunked(call_piece(1, "{}", "second")),
        chunked({}, "tool_calls"),
    )
    parts = desk.read(desk.written(desk.events("openai", data))).parts
    assert [part.text or (part.function_call and part.function_call.name) for part in parts] == [
        "Let me see.",
        "first",
        "second",
    ]


def test_many_calls(desk: Any) -> None:
    """Thousands of calls in one answer are written in a time that grows with their number."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    started = time.process_time()
    for place in range(20_000):
        chunk = {"choices": [{"index": 0, "delta": call_piece(place, "{}", f"f{place}")}]}
        data = b"data: " + msgspec.json.encode(chunk) + b"\n\n"
        writer.write(StreamEvent(StreamKind.CONTENT, data, form=Form.CALL))
    assert writer.finish().count(b"functionCall") == 1
    assert time.process_time() - started < 8


def test_malformed_call(desk: Any, chunked: Any) -> None:
    """A call whose arguments are no object is no part: the finish says so, with the model's words."""
    data = openai(
        chunked(call_piece(0, '{"city": "Par', "weather")),
        chunked(call_piece(1, "", "now")),
        chunked({}, "tool_calls"),
    )
    read = desk.read(desk.written(desk.events("openai", data)))
    assert [(call.name, call.args) for call in read.calls] == [("now", {})]
    assert read.reasons == ["MALFORMED_FUNCTION_CALL"]
    last = msgspec.json.decode(desk.written(desk.events("openai", data)).split(b"\r\n\r\n")[-2][6:])
    # The official client has no place for it in answers of this API.
    assert last["candidates"][0]["finishMessage"] == 'Malformed function call: weather({"city": "Par)'


@pytest.mark.parametrize("asked", [True, False], ids=["asked for", "not asked for"])
def test_thoughts(desk: Any, asked: bool) -> None:
    """Thoughts of other models are parts of thought, and only shown to a client that asked."""
    ask = desk.stream(generationConfig={"thinkingConfig": {"includeThoughts": asked}})
    events = desk.events("anthropic", desk.recorded("anthropic_thinking"), ask)
    read = desk.read(desk.written(events, ask))
    assert bool(read.thoughts) is asked
    assert read.text
    assert read.usage is not None


def test_refusal(desk: Any) -> None:
    """A refusal's words are text, and the finish is SAFETY."""
    read = desk.read(desk.written(desk.events("openai", desk.recorded("openai_refusal"))))
    assert read.text
    assert read.reasons == ["SAFETY"]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY")],
    ids=str,
)
def test_finish_reasons(desk: Any, chunked: Any, finish: str, reason: str) -> None:
    """Every finish has Gemini's word."""
    data = openai(chunked({"content": "Hi"}), chunked({}, finish))
    assert desk.read(desk.written(desk.events("openai", data))).reasons == [reason]


def test_two_choices(desk: Any) -> None:
    """Each choice is a candidate with a finish of its own."""
    ask = desk.stream(generationConfig={"candidateCount": 2})
    read = desk.read(desk.written(desk.events("openai", desk.recorded("openai_two_choices"), ask), ask))
    finished = [each.index or 0 for each in read.responses[-1].candidates or [] if each.finish_reason]
    assert finished == [0, 1]
    assert read.reasons == ["STOP", "MAX_TOKENS"]


def test_logprobs(desk: Any, chunked: Any) -> None:
    """Log-probabilities go with the text, and their average with the finish."""
    top = [{"token": "Hi", "logprob": -0.5, "bytes": [72]}, {"token": "Ho", "logprob": -1.5, "bytes": None}]
    logprobs = {"content": [{**top[0], "top_logprobs": top}], "refusal": None}
    data = openai(chunked({"content": "Hi"}, logprobs=logprobs), chunked({}, "stop"))
    read = desk.read(desk.written(desk.events("openai", data)))
    result = read.responses[0].candidates[0].logprobs_result
    assert [(each.token, each.log_probability) for each in result.chosen_candidates] == [("Hi", -0.5)]
    assert [each.token for each in result.top_candidates[0].candidates] == ["Hi", "Ho"]
    assert read.responses[-1].candidates[0].avg_logprobs == -0.5


def test_citations(desk: Any, chunked: Any) -> None:
    """Pages that the answer cites are named with the finish."""
    cited = {"type": "url_citation", "url_citation": {"url": "https://a.test/", "title": "A"}}
    data = openai(chunked({"content": "Hi", "annotations": [cited]}), chunked({}, "stop"))
    written = desk.written(desk.events("openai", data))
    last = msgspec.json.decode(written.split(b"\r\n\r\n")[-2][6:])
    sources = last["candidates"][0]["citationMetadata"]["citationSources"]
    assert sources == [{"uri": "https://a.test/", "title": "A"}]


def test_held_until_finish(desk: Any, chunked: Any) -> None:
    """The finish waits for the usage that comes after it."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    finish = StreamEvent(StreamKind.FINISH, chunked({"content": "!"}, "stop"), finish_reason="stop")
    out = writer.write(finish)
    assert b'"!"' in out
    assert b"finishReason" not in out
    assert writer.write(StreamEvent(StreamKind.USAGE, usage=Usage(3, 5, 1, 2))) == b""
    last = msgspec.json.decode(writer.finish().removeprefix(b"data: "))
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"] == {
        "promptTokenCount": 3,
        "candidatesTokenCount": 3,
        "totalTokenCount": 8,
        "cachedContentTokenCount": 1,
        "thoughtsTokenCount": 2,
    }


def test_no_usage(desk: Any, chunked: Any) -> None:
    """Without any usage the end is proper all the same."""
    data = openai(chunked({"content": "Hi"}), chunked({}, "stop"))
    read = desk.read(desk.written(desk.events("openai", data)))
    assert read.reasons == ["STOP"]
    assert read.usage is None


@pytest.mark.parametrize("native", [0, 1, 2], ids=["first", "after one", "after two"])
def test_error_inside(desk: Any, native: int) -> None:
    """An error in a stream raises the official client's typed error, after the text before it."""
    events = desk.events("gemini", desk.recorded("gemini_text"))[:native]
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    data = b"".join([*(writer.write(event) for event in events), writer.error(desk.failure())])
    got = []
    stream = desk.client(data).models.generate_content_stream(model="fast", contents="Hi")
    with pytest.raises(google.ServerError) as caught:
        got.extend(response.text for response in stream)
    assert len(got) == native
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
    assert caught.value.message == "Too busy."
    assert caught.value.details["error"]["halfopen"] == {"kind": "overloaded", "attempts": 2}


def test_error_inside_async(desk: Any) -> None:
    """The asynchronous client raises its typed error as well."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    event = desk.events("gemini", desk.recorded("gemini_text"))[0]
    data = writer.write(event) + writer.error(desk.failure())
    got = []

    async def read() -> None:
        async with httpx2.AsyncClient(
            transport=httpx2.MockTransport(lambda _request: httpx2.Response(200, content=data))
        ) as http:
            options = types.HttpOptions(base_url="http://gateway.test", httpx_async_client=http)
            client = genai.Client(api_key="none", http_options=options)
            stream = await client.aio.models.generate_content_stream(model="fast", contents="Hi")
            async for response in stream:
                got.append(response.text)

    with pytest.raises(google.ServerError) as caught:
        asyncio.run(read())
    assert len(got) == 1
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")


def test_error_is_no_event(desk: Any) -> None:
    """An error is a bare line, as Google writes it: JavaScript's client takes an event for a response."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    before = writer.write(desk.events("gemini", desk.recorded("gemini_text"))[0]) + writer.ping()
    error = writer.error(desk.failure(message="Too busy.\n\ndata: {}"))
    assert error.startswith(b'{"error":{')
    assert error.endswith(b"}\r\n")
    assert len(error.splitlines()) == 1
    # What is left after the last blank line is not nothing, so that no client finds a proper end.
    assert (before + error).rpartition(b"\r\n\r\n")[2].strip() == error.strip()


def test_error_in_array(desk: Any) -> None:
    """In an array an error is its last element."""
    ask = desk.array()
    writer = GENERATE.writer(ask, request_id="r", created_s=0)
    first = writer.write(desk.events("gemini", desk.recorded("gemini_text"), ask)[0])
    responses = msgspec.json.decode(first + writer.error(desk.failure(Kind.RATE_LIMITED, 429)))
    assert [list(each) for each in responses[1:]] == [["error"]]


def test_pings_and_comments(desk: Any) -> None:
    """The official client reads a stream with pings and remarks as if they were not there."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    out = [writer.ping(), writer.comment("continued by b/gpt-4.1")]
    for event in desk.events("openai", desk.recorded("openai_text")):
        out += [writer.write(event), writer.ping(), writer.comment("still here")]
    read = desk.read(b"".join([*out, writer.finish()]))
    assert read.reasons == ["STOP"]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b": keep-alive\n\n", id="comment"),
        pytest.param(b"data: [DONE]\n\n", id="done"),
        pytest.param(b"\r\n", id="blank"),
    ],
)
def test_native_noise(desk: Any, raw: bytes) -> None:
    """What the official client would choke on is left out of a native stream."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    assert writer.write(StreamEvent(StreamKind.PING, native=raw)) == b""


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'data:{"candidates":[]}\n\n', id="no space"),
        pytest.param(b': hm\ndata: {"candidates":[]}\n\n', id="comment before"),
        pytest.param(b'event: message\r\ndata: {"candidates":[]}\r\n\r\n', id="named"),
        pytest.param(b'data: {"candidates":\ndata: []}\n\n', id="two lines"),
        pytest.param(b'data: {"candidates":[]}\n', id="no blank line"),
    ],
)
def test_native_reframed(desk: Any, raw: bytes) -> None:
    """An event that the official client can't read is written so that it can."""
    writer = GENERATE.writer(desk.stream(), request_id="r", created_s=0)
    out = writer.write(StreamEvent(StreamKind.CONTENT, native=raw))
    assert out.startswith(b"data: ")
    assert msgspec.json.decode(out[6:]) == {"candidates": []}
    assert len(desk.read(out).responses) == 1


def test_odd_chunks(desk: Any) -> None:
    """Chunks that make no sense are passed over."""
    odd = [b"1", b"[", b"{}", b'{"choices": 1}', b'{"choices": [1]}', b'{"choices":[{"index":-1}]}']
    odd += [b'{"choices":[{"index":0,"delta":{"tool_calls":[1,{"index":"x"}],"content":[1,{}]}}]}']
    events = [StreamEvent(StreamKind.CONTENT, b"data: " + each + b"\n\n") for each in odd]
    assert desk.read(desk.written(events)).text == ""


def responses_of(data: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(each[6:]) for each in data.split(b"\r\n\r\n") if each.strip()]


@pytest.mark.parametrize("array", [False, True], ids=["events", "array"])
def test_switch_at_every_boundary(desk: Any, chunked: Any, array: bool) -> None:
    """A native stream that another target goes on with is one stream: text whole, one finishReason, one id."""
    ask = desk.array() if array else desk.stream()
    pieces = [f"piece {number} \u2013 " for number in range(6)]
    native = b"".join(
        b"data: "
        + msgspec.json.encode(
            {"candidates": [{"content": {"parts": [{"text": each}]}, "index": 0}], "responseId": "R"}
            | ({"usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 2}})
        )
        + b"\r\n\r\n"
        for each in pieces
    )
    finish = b'data: {"candidates":[{"finishReason":"STOP","index":0}],"responseId":"R"}\r\n\r\n'
    events = desk.events("gemini", native + finish, ask)
    natives = [event for event in events if event.native]
    assert len(natives) == len(pieces) + 1
    chunks = openai(*(chunked({"content": each}) for each in pieces), chunked({}, "stop"))
    usage = StreamEvent(StreamKind.USAGE, usage=Usage(10, 20))
    translated = [*(event for event in desk.events("openai", chunks) if event.data), usage]
    texts = [event for event in translated if event.form is Form.TEXT]
    tail = [event for event in translated if event.form is not Form.TEXT]
    for at in range(len(pieces) + 1):
        data = desk.written([*natives[:at], *texts[at:], *tail], ask)
        responses = msgspec.json.decode(data) if array else responses_of(data)
        parts = [part for each in responses for part in each["candidates"][0]["content"]["parts"]]
        assert "".join(part["text"] for part in parts) == "".join(pieces), at
        assert [
            each["candidates"][0].get("finishReason") for each in responses if "finishReason" in str(each)
        ] == ["STOP"]
        assert responses[-1]["usageMetadata"]["totalTokenCount"] == 30
        assert {each["responseId"] for each in responses} == {"R" if at else "1"}
    assert all(left is not right for left, right in pairwise(natives))


@pytest.mark.parametrize("recorded", ["gemini_text", "gemini_thoughts", "gemini_tools_parallel"])
def test_cut_at_every_byte(desk: Any, recorded: str) -> None:
    """A native stream that is cut anywhere never has more text than was sent, nor a finish unless whole."""
    data = desk.recorded(recorded)
    ask = desk.stream()
    full = desk.read(data)
    for at in range(len(data) + 1):
        reader = desk.pair("gemini").reader(ask, desk.target("gemini"), created_s=1)
        events = [*reader.feed(data[:at]), *reader.close()]
        assert [event.kind for event in events if event.kind in (StreamKind.DONE, StreamKind.FAULT)] == [
            events[-1].kind
        ]
        released = [event for event in events[:-1] if event.kind is not StreamKind.FINISH]
        writer = GENERATE.writer(ask, request_id="r", created_s=0)
        if events[-1].kind is StreamKind.DONE:
            read = desk.read(desk.written(events[:-1]))
            assert (read.text, read.reasons) == (full.text, ["STOP"]), at
        else:
            read = desk.read(b"".join(writer.write(event) for event in released))
            assert full.text.startswith(read.text), at
            assert read.reasons == [], at
