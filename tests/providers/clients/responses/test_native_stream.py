"""OpenAI's own stream passes byte for byte, and is whole only with its finish evidence."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfopen.model import Kind, Target
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.clients.responses import RESPONSES
from halfopen.providers.clients.responses.native_stream import ResponsesReader
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.openai import OPENAI

Ask = Callable[..., Chat]
Native = Callable[..., list[bytes]]
ReadAll = Callable[..., list[StreamEvent]]


@pytest.fixture
def reader(ask: Ask) -> Callable[[], ResponsesReader]:
    chat = ask(stream=True)
    return lambda: ResponsesReader(chat, model="gpt-4o", created_s=5)


def _data(kind: str, **fields: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (kind.encode(), json.dumps({"type": kind, **fields}).encode())


def test_whole(reader: Any, native: Native, read_all: ReadAll) -> None:
    """A whole stream passes as it came, each event with its kind, its form and its text."""
    stream = native(["Hel", "lo"], thoughts=["Hm"], calls=[("f", ['{"a"', ":1}"])])
    events = read_all(reader(), b"".join(stream))
    assert b"".join(event.native for event in events) == b"".join(stream)
    assert "".join(event.text for event in events if event.form is Form.TEXT) == "Hello"
    forms = [event.form.name for event in events if event.kind is StreamKind.CONTENT]
    assert forms == ["REASONING", "TEXT", "TEXT", "CALL", "CALL", "CALL", "CALL", "CALL"]
    assert [event.kind for event in events[-2:]] == [StreamKind.FINISH, StreamKind.DONE]
    finish = events[-2]
    assert finish.finish_reason == "tool_calls"
    assert finish.usage is not None
    assert (finish.usage.input_tokens, finish.usage.cached_tokens, finish.usage.reasoning_tokens) == (3, 1, 2)


def test_chunks(reader: Any, native: Native, read_all: ReadAll) -> None:
    """What it means as chunks is a whole chat completion for OpenAI's own reader."""
    stream = native(["Hel", "lo"], thoughts=["Hm"], calls=[("f", ['{"a"', ":1}"]), ("g", ["{}"])])
    events = read_all(reader(), *stream)
    chat = parse_chat(b'{"model":"m","messages":[{"role":"user"}],"stream_options":{"include_usage":true}}')
    assert isinstance(chat, Chat)
    target = Target("p", "m", "openai")
    again = read_all(OPENAI.reader(chat, target), b"".join(event.data for event in events))
    assert again[-1].kind is StreamKind.DONE
    assert "".join(event.text for event in again) == "Hello"
    pieces = [
        call
        for event in again
        for line in event.data.splitlines()
        if line.startswith(b"data:")
        for choice in json.loads(line[5:])["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    arguments = {0: "", 1: ""}
    for piece in pieces:
        arguments[piece["index"]] += piece["function"].get("arguments", "")
    assert arguments == {0: '{"a":1}', 1: "{}"}
    assert [piece["id"] for piece in pieces if "id" in piece] == ["call_2", "call_3"]
    assert next(event.usage for event in again if event.usage).input_tokens == 3


def test_incomplete(reader: Any, native: Native, read_all: ReadAll) -> None:
    """A limit that cut the answer is a finish with the reason length."""
    events = read_all(reader(), *native(["x"], end="incomplete"))
    assert (events[-2].finish_reason, events[-1].kind) == ("length", StreamKind.DONE)


def test_without_deltas(reader: Any, native: Native, read_all: ReadAll) -> None:
    """Text and arguments that come only when they are done are told all the same, once."""
    stream = [event for event in native(["Hello"], calls=[("f", ["{}"])]) if b".delta" not in event]
    events = read_all(reader(), *stream)
    assert [event.text for event in events if event.text] == ["Hello"]
    assert b"".join(event.data for event in events).count(b'"arguments":"{}"') == 1


@pytest.mark.parametrize("length", [0, 1, 2, 5, 9], ids=str)
def test_no_evidence(reader: Any, native: Native, read_all: ReadAll, length: int) -> None:
    """A stream that ends between its events without the last one is a fault."""
    events = read_all(reader(), *native(["Hel", "lo"])[:length])
    assert events[-1].fault is not None
    assert events[-1].fault.kind is Kind.NO_FINISH


def test_every_cut(reader: Any, native: Native, read_all: ReadAll) -> None:
    """Cut at any byte, a stream is never whole without its last event, and its text is a beginning of all."""
    stream = b"".join(native(["Hé", "llo"], thoughts=["Hm"], calls=[("f", ["{}"])]))
    finish = stream.index(b"event: response.completed")
    for end in range(len(stream)):
        events = read_all(reader(), stream[:end])
        ends = [event.kind for event in events if event.kind in (StreamKind.DONE, StreamKind.FAULT)]
        whole = stream[:end].endswith(b"}\n") and end > finish
        assert ends == [StreamKind.DONE if whole else StreamKind.FAULT], f"cut at byte {end}"
        assert "Héllo".startswith("".join(event.text for event in events))
        assert events[-1].kind is ends[0]


@given(st.lists(st.integers(0, 6000), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_boundaries(reader: Any, native: Native, read_all: ReadAll, cuts: list[int]) -> None:
    """However the bytes are cut into pieces, the events are the same."""
    stream = b"".join(native(["Hé", "llo"], calls=[("f", ["{}"])]))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert read_all(reader(), *pieces) == read_all(reader(), stream)


FAILED = {
    "a server error": (_data("response.failed", response={"status": "failed", "error": {"code": "server_error", "message": "Boom"}}), Kind.SERVER_ERROR),
    "a rate limit": (_data("response.failed", response={"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow"}}), Kind.RATE_LIMITED),
    "a flagged prompt": (_data("response.failed", response={"status": "failed", "error": {"code": "invalid_prompt", "message": "Flagged"}}), Kind.CONTENT_FILTERED),
    "a bad image": (_data("response.failed", response={"status": "failed", "error": {"code": "image_too_large", "message": "Big"}}), Kind.INVALID_REQUEST),
    "no reason": (_data("response.failed", response={"status": "failed", "error": None}), Kind.ERROR_EVENT),
    "an error event": (_data("error", code="server_error", message="Boom", param=None), Kind.SERVER_ERROR),
    "a nested error event": (_data("error", error={"type": "server_error", "message": "Boom"}), Kind.SERVER_ERROR),
    "an error without a name": (b'data: {"error":{"code":"server_error","message":"Boom"}}\n\n', Kind.SERVER_ERROR),
    "raw JSON": (b'{"error":{"code":"server_error","message":"Boom"}}\n\n', Kind.SERVER_ERROR),
    "rubbish": (b"data: {not json\n\n", Kind.MALFORMED_ANSWER),
    "a chat's chunk": (b'data: {"choices":[]}\n\n', Kind.MALFORMED_ANSWER),
    "no UTF-8": (b'data: {"type":"response.output_text.delta","x":"\xff"}\n\n', Kind.MALFORMED_ANSWER),
    "done without a finish": (b"data: [DONE]\n\n", Kind.NO_FINISH),
    "cancelled": (_data("response.cancelled", response={"status": "cancelled"}), Kind.ERROR_EVENT),
    "completed, but empty": (_data("response.completed", response={"status": "completed", "output": []}), Kind.EMPTY_ANSWER),
    "completed with an error": (_data("response.completed", response={"status": "completed", "error": {"code": "server_error", "message": "x"}, "output": []}), Kind.SERVER_ERROR),
    "completed, but running": (_data("response.completed", response={"status": "in_progress", "output": []}), Kind.NO_FINISH),
    "completed without a response": (_data("response.completed"), Kind.MALFORMED_ANSWER),
}  # fmt: skip


@pytest.mark.parametrize(("event", "kind"), FAILED.values(), ids=FAILED.keys())
def test_failed(reader: Any, native: Native, read_all: ReadAll, event: bytes, kind: Kind) -> None:
    """Each way in which a stream fails is a fault of its kind, and nothing follows it."""
    events = read_all(reader(), *native(end=None), event, b"data: [DONE]\n\n")
    assert events[-1].fault is not None
    assert events[-1].fault.kind is kind
    assert [each.kind for each in events].count(StreamKind.FAULT) == 1


def test_raw_json_at_the_end(reader: Any, native: Native, read_all: ReadAll) -> None:
    """An error that a server writes raw as the last thing is the fault, not the cut."""
    events = read_all(reader(), *native(end=None), b'{"error":{"code":"server_error","message":"Boom"}}')
    assert events[-1].fault is not None
    assert events[-1].fault.kind is Kind.SERVER_ERROR


def test_error_after_text(reader: Any, native: Native, read_all: ReadAll) -> None:
    """An error event amid the answer is a fault after the content before it."""
    events = read_all(reader(), *native(["Hi"], end=None), FAILED["a server error"][0])
    assert events[-1].fault is not None
    assert "".join(event.text for event in events) == "Hi"


def test_own_tools(reader: Any, read_all: ReadAll) -> None:
    """Events of OpenAI's own tools pass as content that no other model can go on with."""
    found = read_all(
        reader(),
        _data("response.output_item.added", output_index=0, item={"type": "web_search_call", "id": "ws"}),
        _data("response.web_search_call.searching", output_index=0),
        _data("response.custom_tool_call_input.delta", output_index=1, delta="x"),
    )
    assert [(event.kind, event.form) for event in found[:3]] == [
        (StreamKind.CONTENT, Form.OTHER),
        (StreamKind.CONTENT, Form.OTHER),
        (StreamKind.CONTENT, Form.CALL),
    ]


def test_pings(reader: Any, read_all: ReadAll) -> None:
    """Comments and keep-alive events carry nothing."""
    events = read_all(reader(), b": ping\n\n", _data("keepalive", sequence_number=3))
    assert [event.kind for event in events[:2]] == [StreamKind.PING, StreamKind.PING]


def test_client(
    ask: Ask, client: Callable[..., openai.OpenAI], native: Native, read_all: ReadAll, written: Any
) -> None:
    """The official client reads the relayed stream as it reads OpenAI's."""
    chat, stream = ask(stream=True), native(["Hel", "lo"], thoughts=["Hm"], calls=[("f", ["{}"])])
    events = read_all(ResponsesReader(chat, model="m", created_s=5), *stream)
    body = written(RESPONSES.writer(chat, request_id="r", created_s=5), events)
    assert body == b"".join(stream), "nothing is added to what passes"
    with client(body).responses.stream(model="m", input="x") as helper:
        final = helper.get_final_response()
    assert (final.id, final.output_text, len(final.output)) == ("resp_1", "Hello", 3)
