"""Streams: relayed as they come, and whole only with finish evidence."""

import json
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from halfopen.http1.sse import EVENT_MAX_BYTES
from halfopen.model import Kind, Usage
from halfopen.providers import Chat, StreamEvent, StreamKind, parse_chat
from halfopen.providers.contract import Form
from halfopen.providers.openai.stream import OpenAIReader

STREAMS = Path(__file__).parents[2] / "contracts" / "streams"
R, C, P, F, U, D, X = (
    StreamKind.OPENING,
    StreamKind.CONTENT,
    StreamKind.PING,
    StreamKind.FINISH,
    StreamKind.USAGE,
    StreamKind.DONE,
    StreamKind.FAULT,
)
DONE = b"data: [DONE]\n\n"


def read(*pieces: bytes, **fields: Any) -> list[StreamEvent]:
    request = {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    } | fields
    chat = parse_chat(json.dumps(request).encode())
    assert isinstance(chat, Chat)
    reader = OpenAIReader(chat)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.close()


def kinds(events: list[StreamEvent]) -> list[StreamKind]:
    return [event.kind for event in events]


def sse(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


def chunk(delta: Any, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]} | more


ROLE, HI, STOP = chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi"}), chunk({}, "stop")


@pytest.mark.parametrize(
    ("name", "expected", "chars"),
    [
        ("text", [R, C, C, C, F, U, D], 15),
        ("tools", [R, C, C, C, C, F, D], 37),
        ("refusal", [R, C, C, F, D], 23),
        ("two_choices", [R, R, C, C, F, C, F, D], 11),
        ("length", [R, F, D], 0),
        ("reasoning", [P, R, C, C, C, F, D], 19),
        ("azure_crlf", [R, R, C, F, D], 2),
        ("no_done", [C, F, D], 8),
    ],
)
def test_recordings(name: str, expected: list[StreamKind], chars: int) -> None:
    """Each recording is read as what it is, byte for byte but for [DONE]."""
    raw = (STREAMS / f"openai_{name}.txt").read_bytes()
    events = read(raw)
    assert kinds(events) == expected
    assert sum(event.chars for event in events) == chars
    assert b"".join(event.data for event in events) == raw.replace(DONE, b"").replace(
        b"data: [DONE]\r\n\r\n", b""
    )


@pytest.mark.parametrize("path", sorted(STREAMS.glob("openai_*.txt")), ids=lambda path: path.stem)
def test_the_official_client_reads_the_recordings(path: Path) -> None:
    """The recordings are faithful: the official client's types accept each chunk."""
    for line in path.read_bytes().decode().split("\n"):
        data = line.strip().removeprefix("data: ")
        if data and not data.startswith(":") and data != "[DONE]":
            ChatCompletionChunk.model_validate_json(data, strict=False)


def test_usage_is_read() -> None:
    """The usage chunk gives the counts."""
    events = read((STREAMS / "openai_text.txt").read_bytes())
    assert [event.usage for event in events if event.usage] == [Usage(19, 10, 4, 2)]


def test_a_chunk_may_be_three_things() -> None:
    """A chunk with content, finish and usage is a finish, so that it is held like every other."""
    raw = sse(chunk({"content": "Hi"}, "stop", usage={"prompt_tokens": 1}))
    finish, done = read(raw, DONE)
    assert (finish.kind, finish.data, finish.finish_reason) == (F, raw, "stop")
    assert (finish.chars, finish.form, finish.text, finish.usage) == (2, Form.TEXT, "Hi", Usage(1))
    assert done.kind is D


UNASKED: dict[str, Any] = {"stream_options": None}


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(sse(chunk({"content": "Hi"}, usage=None)), sse(chunk({"content": "Hi"})), id="null"),
        pytest.param(
            sse(chunk({"content": ',"usage":null'}, usage=None)),
            sse(chunk({"content": ',"usage":null'})),
            id="null, and a text that looks like it",
        ),
        pytest.param(
            sse(chunk({"content": "Hi"}, usage={"prompt_tokens": 3}))
            .replace(b'": ', b'":')
            .replace(b", ", b","),
            sse(chunk({"content": "Hi"}))
            .replace(b'": ', b'":')
            .replace(b", ", b",")
            .replace(b"data:", b"data: ", 0),
            id="counts beside content",
        ),
        pytest.param(sse({"id": "c", "choices": [], "usage": {"prompt_tokens": 3}}), b"", id="the last"),
    ],
)
def test_counts_are_shown_only_to_who_asked(raw: bytes, shown: bytes) -> None:
    """We always ask for the token counts; a client that didn't gets its chunks without them."""
    events = read(raw, **UNASKED)
    assert events[0].data == shown


@pytest.mark.parametrize(
    ("delta", "index", "form", "text"),
    [
        ({"content": "Hi"}, 0, Form.TEXT, "Hi"),
        ({"content": "Hi"}, 1, Form.OTHER, ""),
        ({"reasoning": "Hm"}, 0, Form.REASONING, ""),
        ({"refusal": "No"}, 0, Form.OTHER, ""),
        ({"content": [{"type": "text", "text": "Hi"}]}, 0, Form.OTHER, ""),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
            0,
            Form.REASONING,
            "",
        ),
        ({"content": "Hi", "tool_calls": [{"index": 0, "function": {"name": "f"}}]}, 0, Form.CALL, ""),
        ({"function_call": {"name": "f"}}, 0, Form.CALL, ""),
    ],
    ids=["text", "another choice", "reasoning", "refusal", "parts", "thinking parts", "call", "legacy call"],
)
def test_what_a_chunk_consists_of(delta: dict[str, Any], index: int, form: Form, text: str) -> None:
    """Each piece of content says its form, so that it is known what another model can go on with."""
    event = read(sse(chunk(delta, index=index)))[0]
    assert (event.kind, event.form, event.text) == (C, form, text)


ERROR = b'data: {"error":{"message":"The server had an error","type":"server_error"}}\n\n'


@pytest.mark.parametrize(
    ("raw", "expected", "kind"),
    [
        (sse(ROLE, HI) + DONE, [R, C, X], Kind.NO_FINISH),
        (sse(ROLE, HI), [R, C, X], Kind.NO_FINISH),
        (DONE, [X], Kind.NO_FINISH),
        (b"", [X], Kind.NO_FINISH),
        (b": ping\n\n: ping\n\n", [P, P, X], Kind.NO_FINISH),
        (sse(ROLE, STOP), [R, X], Kind.EMPTY_ANSWER),
        (sse(ROLE, chunk({"reasoning": "Hm"}), STOP), [R, C, X], Kind.EMPTY_ANSWER),
        (sse(ROLE, chunk({}, "tool_calls")), [R, X], Kind.EMPTY_ANSWER),
        (sse(HI, chunk({}, "error")), [C, X], Kind.ERROR_EVENT),
        (sse(HI, chunk({}, "insufficient_system_resource")), [C, X], Kind.OVERLOADED),
        (sse(HI) + b"data: {not json}\n\n", [C, X], Kind.MALFORMED_ANSWER),
        (sse(HI) + b"data: [1]\n\n", [C, X], Kind.MALFORMED_ANSWER),
        (sse(HI) + b"data: {}\n\n", [C, X], Kind.MALFORMED_ANSWER),
        (sse(HI) + b'data: {"id":"\xff","choices":[]}\n\n', [C, X], Kind.MALFORMED_ANSWER),
        (sse(HI) + b"<html>\n\n", [C, X], None),
        (sse(HI, STOP) + b'data: {"id":"c","cho', [C, F, X], Kind.CUT_BODY),
        (sse(HI) + b'data: {"id":"c","cho', [C, X], Kind.CUT_BODY),
        (sse(HI) + ERROR + DONE, [C, X], None),
        (sse(HI, STOP) + ERROR + DONE, [C, F, X], None),
        (sse(HI) + b'event: error\ndata: {"message":"no"}\n\n', [C, X], None),
        (sse(HI) + b'{"error":{"message":"engine dead","code":500}}\n\n', [C, X], None),
        (sse(HI) + b'{"error":{"message":"engine dead","code":500}}', [C, X], None),
        (sse(chunk({"content": "a"}), chunk({"content": "b"}, index=1), STOP) + DONE, [C, C, F, X], Kind.NO_FINISH),
        (b"x" * (EVENT_MAX_BYTES + 1), [X], Kind.ANSWER_TOO_LARGE),
    ],
    ids=[
        "done-without-finish", "end-without-finish", "only-done", "nothing", "only-pings", "empty", "thoughts-only",
        "no-tool-calls", "finish-error", "finish-resource", "not-json", "array", "empty-object", "not-utf8", "html",
        "cut-after-finish", "cut", "error-then-done", "error-after-finish", "named-error", "raw-json", "raw-json-tail",
        "unfinished-choice", "too-large",
    ],
)  # fmt: skip
def test_failed_streams(raw: bytes, expected: list[StreamKind], kind: Kind | None) -> None:
    """A stream that failed ends in one fault of the right kind."""
    events = read(raw)
    assert kinds(events) == expected
    assert events[-1].fault is not None
    if kind is not None:
        assert events[-1].fault.kind is kind, events[-1].fault


@pytest.mark.parametrize(
    "end", [b"", DONE, b"data: [DONE]\n", b"data: [DONE]", b"data:[DONE]\n\n", b"\n", b": bye\n\n"], ids=repr
)
def test_ways_to_end(end: bytes) -> None:
    """After the finish, every clean end is an end."""
    assert read(sse(HI, STOP) + end)[-1].kind is D


def test_choices_one_after_the_other() -> None:
    """A stream finishes when all the choices asked for have, also when each begins after the last ended."""
    first = sse(chunk({"content": "a"}), chunk({}, "stop"))
    second = sse(chunk({"content": "b"}, index=1), chunk({}, "stop", index=1))
    assert kinds(read(first, second, n=2)) == [C, R, C, F, D]
    assert kinds(read(first, second, DONE, n=2)) == [C, R, C, F, D]
    cut = read(first, DONE, n=2)
    assert kinds(cut) == [C, R, X]
    assert cut[-1].fault is not None
    assert cut[-1].fault.kind is Kind.NO_FINISH


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, [R, X], id="plain"),
        pytest.param({"stop": ["END"]}, [R, F, D], id="stop"),
        pytest.param({"messages": [{"role": "tool", "content": "4"}]}, [R, F, D], id="tool"),
    ],
)
def test_an_empty_stream_that_has_a_reason(fields: dict[str, Any], expected: list[StreamKind]) -> None:
    """Before a stop sequence and after a tool's result a model may say nothing; otherwise it failed."""
    assert kinds(read(sse(ROLE, STOP), DONE, **fields)) == expected
