"""An answer that OpenAI began and another provider finishes is one seamless Response."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfopen import errors
from halfopen.model import Kind
from halfopen.providers.chat import Chat
from halfopen.providers.client import Failure
from halfopen.providers.clients.responses import RESPONSES
from halfopen.providers.clients.responses.native_stream import ResponsesReader
from halfopen.providers.contract import StreamEvent, StreamKind

Ask = Callable[..., Chat]
Native = Callable[..., list[bytes]]
Values = Callable[[bytes], list[dict[str, Any]]]
TERMINAL = {"response.completed", "response.incomplete", "response.failed", "error"}
DELTAS = {
    "response.output_text.delta": ("response.output_text.done", "text"),
    "response.refusal.delta": ("response.refusal.done", "refusal"),
    "response.reasoning_summary_text.delta": ("response.reasoning_summary_text.done", "text"),
    "response.function_call_arguments.delta": ("response.function_call_arguments.done", "arguments"),
}
OPENED = {
    "response.output_item.added": "response.output_item.done",
    "response.content_part.added": "response.content_part.done",
    "response.reasoning_summary_part.added": "response.reasoning_summary_part.done",
}
PLACE = ("output_index", "content_index", "summary_index", "item_id")


def _place(event: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(event.get(name) for name in PLACE)


def check_well_formed(found: list[dict[str, Any]]) -> str:
    """Assert the grammar of a stream that ended well, read independently; return its text."""
    numbers = [event["sequence_number"] for event in found]
    assert numbers == sorted(set(numbers)), numbers
    assert found[0]["type"] == "response.created"
    assert [event["type"] for event in found if event["type"] in TERMINAL] == [found[-1]["type"]]
    opened: set[tuple[Any, ...]] = set()
    texts: dict[tuple[Any, ...], str] = {}
    ids: dict[int, str] = {}
    for event in found:
        kind = event["type"]
        if kind == "response.output_item.added":
            assert event["output_index"] == len(ids), "places go up by one"
            ids[event["output_index"]] = event["item"]["id"]
        if "item_id" in event:
            assert ids[event["output_index"]] == event["item_id"]
        if kind in OPENED:
            assert (OPENED[kind], *_place(event)) not in opened
            opened.add((OPENED[kind], *_place(event)))
        elif kind in OPENED.values():
            opened.remove((kind, *_place(event)))
        elif kind in DELTAS:
            done, _ = DELTAS[kind]
            texts[done, *_place(event)] = texts.get((done, *_place(event)), "") + event["delta"]
        for done, member in DELTAS.values():
            if kind == done:
                assert texts.pop((done, *_place(event)), "") == event[member]
    assert not opened
    assert not texts
    response = found[-1]["response"]
    assert response["id"] == found[0]["response"]["id"]
    assert [item["id"] for item in response["output"]] == list(ids.values())
    done_items = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert sorted(map(json.dumps, done_items)) == sorted(map(json.dumps, response["output"]))
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    text = "".join(part.get("text", "") for part in parts)
    assert text == "".join(event["delta"] for event in found if event["type"] == "response.output_text.delta")
    return text


def _goes_on(chunk: Callable[..., bytes], *deltas: dict[str, Any], finish: str = "stop") -> list[StreamEvent]:
    events = [StreamEvent(StreamKind.CONTENT, chunk(delta)) for delta in deltas]
    events.append(StreamEvent(StreamKind.FINISH, chunk(finish=finish), finish_reason=finish))
    usage = {"prompt_tokens": 30, "completion_tokens": 40}
    return [*events, StreamEvent(StreamKind.USAGE, chunk(usage=usage))]


def _before(ask: Ask, native: list[bytes], count: int) -> list[StreamEvent]:
    reader = ResponsesReader(ask(stream=True), model="gpt-4o", created_s=5)
    return reader.feed(b"".join(native))[:count]


LENGTH = 21
"""Events of the stream below before its last one."""


@pytest.fixture
def stream(native: Native) -> list[bytes]:
    whole = native(["Hel", "lo"], thoughts=["Hm", "m"], calls=[("f", ["{", "}"])])
    assert len(whole) == LENGTH + 1, len(whole)
    return whole


@pytest.mark.parametrize("count", range(LENGTH + 1))
def test_every_boundary(
    ask: Ask,
    stream: list[bytes],
    chunk: Callable[..., bytes],
    values: Values,
    client: Callable[..., openai.OpenAI],
    count: int,
) -> None:
    """Wherever OpenAI's stream breaks off, text that follows makes one well-formed stream of it."""
    writer = RESPONSES.writer(ask(stream=True), request_id="req", created_s=5)
    before = _before(ask, stream, count)
    events = [*before, *_goes_on(chunk, {"role": "assistant"}, {"content": " wor"}, {"content": "ld"})]
    body = b"".join(writer.write(event) for event in events) + writer.finish()
    found = values(body)
    assert check_well_formed(found) == "".join(event.text for event in before) + " world"
    assert body.startswith(b"".join(stream[:count])), "what was OpenAI's passes as it came"
    with client(body).responses.stream(model="m", input="x") as helper:
        final = helper.get_final_response()
    assert final.id == ("resp_1" if count else "resp_halfopen_req")
    assert final.output_text == "".join(event.text for event in before) + " world"
    assert final.usage is not None
    assert final.usage.total_tokens == 70
    assert writer.finish() == b""


def test_same_item(ask: Ask, native: Native, chunk: Callable[..., bytes], values: Values) -> None:
    """Text that broke off goes on in the same part of the same message, under OpenAI's ids."""
    begun = native(["Hel", "lo"])[:6]
    writer = RESPONSES.writer(ask(stream=True), request_id="req", created_s=5)
    events = [*_before(ask, begun, len(begun)), *_goes_on(chunk, {"content": " world"})]
    found = values(b"".join(writer.write(event) for event in events) + writer.finish())
    response = found[-1]["response"]
    [item] = response["output"]
    assert (response["id"], response["model"], item["id"]) == ("resp_1", "gpt-4o-2024", "msg_1")
    assert [part["text"] for part in item["content"]] == ["Hello world"]
    assert response["status"] == item["status"] == "completed"


def test_goes_on_with_a_call(ask: Ask, native: Native, chunk: Callable[..., bytes], values: Values) -> None:
    """A provider that goes on with a call closes the message first and adds the call behind it."""
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    writer = RESPONSES.writer(ask(stream=True), request_id="req", created_s=5)
    events = [*_before(ask, native(["Hi"])[:5], 5), *_goes_on(chunk, call, finish="tool_calls")]
    found = values(b"".join(writer.write(event) for event in events) + writer.finish())
    check_well_formed(found)
    assert [item["type"] for item in found[-1]["response"]["output"]] == ["message", "function_call"]


@pytest.mark.parametrize("count", [1, 6, 12])
def test_error_after_native(
    ask: Ask, stream: list[bytes], client: Callable[..., openai.OpenAI], values: Values, count: int
) -> None:
    """An answer that can't be gone on with ends with one error event that follows OpenAI's numbers."""
    writer = RESPONSES.writer(ask(stream=True), request_id="req", created_s=5)
    body = b"".join(writer.write(event) for event in _before(ask, stream, count))
    body += writer.error(Failure(errors.make(Kind.CONNECTION_RESET), 502, "req", {}))
    found = values(body)
    assert [event["sequence_number"] for event in found] == list(range(count + 1))
    assert found[-1]["type"] == "error"
    with pytest.raises(openai.APIError):
        list(client(body).responses.create(model="m", input="x", stream=True))


PIECE = st.text(min_size=1, max_size=4)
CALL = st.builds(
    lambda index, name, arguments: {
        "tool_calls": [
            {"index": index, "id": f"c{index}", "function": {"name": name, "arguments": arguments}}
        ]
    },
    st.integers(0, 2),
    st.just("f"),
    st.text(max_size=3),
)
DELTA = st.one_of(
    PIECE.map(lambda text: {"content": text}),
    PIECE.map(lambda text: {"reasoning_content": text}),
    PIECE.map(lambda text: {"refusal": text}),
    CALL,
    st.just({"role": "assistant"}),
)


@given(
    texts=st.lists(PIECE, max_size=3),
    thoughts=st.lists(PIECE, max_size=2),
    calls=st.lists(st.tuples(st.just("g"), st.lists(PIECE, max_size=2)), max_size=2),
    count=st.integers(0, 40),
    deltas=st.lists(DELTA, max_size=8),
    finish=st.sampled_from(["stop", "length", "tool_calls"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_mixture(
    ask: Ask, native: Native, chunk: Callable[..., bytes], values: Values, *,
    texts: list[str], thoughts: list[str], calls: Any, count: int, deltas: list[Any], finish: str,
) -> None:  # fmt: skip
    """Any beginning of OpenAI's with any continuation is well formed, and no text is lost or doubled."""
    before = _before(ask, native(texts, thoughts=thoughts, calls=calls, end=None), count)
    writer = RESPONSES.writer(ask(stream=True), request_id="req", created_s=5)
    events = [*before, *_goes_on(chunk, *deltas, finish=finish)]
    found = values(b"".join(writer.write(event) for event in events) + writer.finish())
    text = check_well_formed(found)
    assert text == "".join(event.text for event in before) + "".join(
        delta.get("content", "") for delta in deltas
    )
    assert found[-1]["type"] == ("response.incomplete" if finish == "length" else "response.completed")
    output = found[-1]["response"]["output"]
    refused = "".join(part.get("refusal", "") for item in output for part in item.get("content", ()))
    assert refused == "".join(delta.get("refusal", "") for delta in deltas)
    ours = [
        item for item in output if item["type"] == "function_call" and item["id"].startswith("fc_halfopen")
    ]
    arguments: dict[str, str] = {}
    for delta in deltas:
        for call in delta.get("tool_calls", ()):
            arguments[call["id"]] = arguments.get(call["id"], "") + call["function"]["arguments"]
    assert {item["call_id"]: item["arguments"] for item in ours} == arguments
