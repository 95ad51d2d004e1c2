"""Streamed answers as the client reads them."""

import json

import pytest

from halfopen import errors
from halfopen.model import Kind, Usage
from halfopen.providers.client import Failure
from halfopen.providers.clients.completions import COMPLETIONS
from halfopen.providers.contract import Form, StreamEvent, StreamKind

USAGE = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}


@pytest.fixture
def writer(make):
    def made(**fields):
        return COMPLETIONS.writer(make(stream=True, **fields), request_id="r1", created_s=7)

    return made


@pytest.fixture
def event(sse):
    def made(kind, *chunks, native=b"", usage=None):
        return StreamEvent(kind, sse(*chunks), native=native, usage=usage, form=Form.NONE)

    return made


def chat_chunk(delta=None, reason=None, **fields):
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": reason}]
    return {
        "id": "chatcmpl-9",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "m",
        "choices": choices,
    } | fields


def test_chunks_become_completions(writer, event, said) -> None:
    """A role is nothing to say; text, finish and `[DONE]` are."""
    made = writer()
    written = [
        made.write(event(StreamKind.OPENING, chat_chunk({"role": "assistant", "content": ""}))),
        made.write(event(StreamKind.CONTENT, chat_chunk({"reasoning_content": "hm"}))),
        made.write(event(StreamKind.CONTENT, chat_chunk({"content": "a"}), chat_chunk({"content": "b"}))),
        made.write(event(StreamKind.FINISH, chat_chunk({"content": "c"}, "stop"))),
        made.write(event(StreamKind.USAGE, chat_chunk(choices=[], usage=USAGE), usage=Usage(2, 3))),
    ]
    assert (written[0], written[1], written[4]) == (b"", b"", b"")
    head = {"id": "cmpl-9", "object": "text_completion", "created": 5, "model": "m"}
    assert said(b"".join(written)) == [
        head | {"choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": reason}]}
        for text, reason in (("a", None), ("b", None), ("c", "stop"))
    ]
    assert made.finish() == b"data: [DONE]\n\n"


def test_usage_is_for_who_asked(writer, event, said) -> None:
    """The counts come in a chunk without choices, from the upstream or from what is known."""
    asked = {"stream_options": {"include_usage": True}}
    told, known = writer(**asked), writer(**asked)
    first = said(told.write(event(StreamKind.USAGE, chat_chunk(choices=[], usage=USAGE), usage=Usage(2, 3))))
    assert [(each["choices"], each["usage"]) for each in first] == [([], USAGE)]
    assert told.finish() == b"data: [DONE]\n\n"
    (finish,) = said(
        known.write(event(StreamKind.FINISH, chat_chunk({"content": "c"}, "stop"), usage=Usage(2, 3)))
    )
    assert finish["usage"] is None
    counts, done = said(known.finish())
    assert (counts["choices"], counts["usage"], done) == ([], USAGE, "[DONE]")


def native(text, reason=None, **fields):
    choice = {"text": text, "index": 0, "finish_reason": reason}
    made = {
        "id": "cmpl-up",
        "object": "text_completion",
        "created": 3,
        "model": "up",
        "choices": [choice],
        "usage": None,
    }
    return b"data: " + json.dumps(made | fields).encode() + b"\n\n"


def test_native_events_pass(writer, event) -> None:
    """Byte for byte for who asked for usage; else without the counts that we asked for."""
    asked, plain = writer(stream_options={"include_usage": True}), writer()
    text = event(StreamKind.CONTENT, native=native("a"))
    counts = event(StreamKind.USAGE, native=native("", choices=[], usage=USAGE), usage=Usage(2, 3))
    done = event(StreamKind.OPENING, native=b"data: [DONE]\n\n")
    ping = event(StreamKind.PING, native=b": ping\n\n")
    events = (ping, text, counts, done)
    assert b"".join(map(asked.write, events)) == ping.native + text.native + counts.native
    assert b"".join(map(plain.write, events)) == ping.native + text.native.replace(b', "usage": null', b"")
    assert asked.finish() == plain.finish() == b"data: [DONE]\n\n"


def test_a_continued_stream_is_one_answer(writer, event, said) -> None:
    """What another target adds has the identity of the first, and ends once."""
    made = writer(stream_options={"include_usage": True})
    data = made.write(event(StreamKind.CONTENT, native=native("a")))
    data += made.comment("continued on claude/x after stalled")
    data += made.write(event(StreamKind.CONTENT, chat_chunk({"content": "b"})))
    data += made.write(event(StreamKind.FINISH, chat_chunk({}, "stop")))
    data += made.write(event(StreamKind.USAGE, chat_chunk(choices=[], usage=USAGE), usage=Usage(2, 3)))
    data += made.finish()
    *chunks, done = said(data)
    assert done == "[DONE]"
    assert {(each["id"], each["created"], each["model"]) for each in chunks} == {("cmpl-up", 3, "up")}
    assert "".join(choice["text"] for each in chunks for choice in each["choices"]) == "ab"
    assert [each["usage"] for each in chunks] == [None, None, None, USAGE]


def test_without_an_upstreams_identity_ours_is_used(writer, event, said) -> None:
    """Ids that no upstream gives come from the request."""
    (chunk,) = said(
        writer().write(
            event(StreamKind.CONTENT, chat_chunk({"content": "a"}, id=None, created=None, model=None))
        )
    )
    assert (chunk["id"], chunk["created"], chunk["model"]) == ("cmpl-r1", 7, "gpt-3.5-turbo-instruct")


def test_a_failure_is_an_error_event_and_no_end(writer, said) -> None:
    """The client can tell a cut answer from a whole one."""
    failure = Failure(errors.make(Kind.STALLED), 504, "r1", {"kind": "stalled"})
    (value,) = said(writer().error(failure))
    assert value["error"]["code"] == "stalled"
    assert value["error"]["halfopen"] == {"kind": "stalled"}
    assert json.loads(COMPLETIONS.error(failure)) == value


def test_pings_and_comments_say_nothing(writer, said) -> None:
    """The official client passes over them."""
    made = writer()
    assert made.ping() == b": keep-alive\n\n"
    assert made.comment("hello") == b": hello\n\n"
    assert said(made.ping() + made.comment("x")) == []
    assert made.content_type.startswith("text/event-stream")


@pytest.mark.parametrize(
    "data", [b"data: 7\n\n", b"data: {\n\n", b'data: {"choices":[7]}\n\n', b"\xff\n\n"], ids=repr
)
def test_odd_chunks_never_raise(writer, data) -> None:
    """What is no chunk has nothing to say."""
    assert writer().write(StreamEvent(StreamKind.CONTENT, data)) == b""
