"""What the client has, and what stands against going on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from halfopen.providers import Chat, StreamEvent, StreamKind
from halfopen.providers.continuation import TEXT_MAX_CHARS, Delivered, Identity
from halfopen.providers.contract import Form

Make = Callable[..., Any]


def text(words: str, data: bytes = b"", kind: StreamKind = StreamKind.CONTENT) -> StreamEvent:
    return StreamEvent(kind, data, len(words), form=Form.TEXT, text=words)


def other(form: Form) -> StreamEvent:
    return StreamEvent(StreamKind.CONTENT, b"", 1, form=form)


def test_text_is_kept_exactly(chat: Make) -> None:
    """All text is there, also that of a finish; thoughts are not a part of it and no obstacle."""
    delivered = Delivered()
    for event in (text(" a\r\n"), other(Form.REASONING), text("天 "), text(".", kind=StreamKind.FINISH)):
        delivered.note(event)
    assert delivered.text == delivered.text == " a\r\n天 ."
    assert delivered.reasoning
    assert delivered.only_text
    assert delivered.obstacle(chat()) is None


def test_the_first_chunk_tells_the_identity(sse: Make) -> None:
    """Id, time and model are those of the first chunk; pings and later chunks change nothing."""
    delivered = Delivered()
    delivered.note(StreamEvent(StreamKind.PING, b": ping\n\n"))
    assert delivered.identity == Identity()
    delivered.note(text("a", b": x\n\n" + sse({"content": "a"})))
    delivered.note(text("b", sse({"content": "b"}, id="other")))
    assert delivered.identity == Identity("c2", 7, "m2")


@pytest.mark.parametrize(
    "data",
    [
        b"data: rubbish\n\n",
        b"data: []\n\n",
        b"\xff",
        b'data: {"id": 5, "created": true, "model": null}\n\n',
        b"data: {",
    ],
    ids=["rubbish", "list", "bytes", "types", "cut"],
)
def test_odd_chunks_have_no_identity(data: bytes) -> None:
    """A chunk without a usable head leaves the identity unknown."""
    delivered = Delivered()
    delivered.note(text("a", data))
    assert delivered.identity == Identity()


@pytest.mark.parametrize(
    ("form", "reason"),
    [(Form.CALL, "a tool call was delivered"), (Form.OTHER, "more than text was delivered")],
    ids=["call", "other"],
)
def test_what_is_no_text_stands_against_it(form: Form, reason: str, chat: Make) -> None:
    """A call, a refusal, audio or another choice can't be gone on with."""
    delivered = Delivered()
    delivered.note(text("a"))
    delivered.note(other(form))
    assert delivered.obstacle(chat()) == reason
    assert not delivered.only_text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"n": 2}, "several choices were asked for", id="choices"),
        pytest.param(
            {"response_format": {"type": "json_object"}}, "the answer must be a JSON value", id="object"
        ),
        pytest.param(
            {"response_format": {"type": "json_schema"}}, "the answer must be a JSON value", id="schema"
        ),
        pytest.param({"guided_regex": "a+"}, "the answer must have the form of a pattern", id="pattern"),
        pytest.param(
            {"n": 1, "response_format": {"type": "text"}, "grammar": None}, None, id="nothing asked"
        ),
        pytest.param({"response_format": None, "tools": [{"type": "function"}]}, None, id="tools are fine"),
    ],
)
def test_the_request_may_stand_against_it(fields: dict[str, Any], reason: str | None, chat: Make) -> None:
    """An answer of several choices or of a given form is not gone on with."""
    assert Delivered().obstacle(chat(**fields)) == reason


def test_native_only_stands_against_it(chat: Make) -> None:
    """A request that only one provider can serve gives its own reason."""
    asked: Chat = replace(chat(), native_only="a server tool")
    assert Delivered().obstacle(asked) == "a server tool"


def test_the_text_is_bounded(chat: Make) -> None:
    """Beyond the bound nothing is kept, and the answer can't be gone on with."""
    delivered = Delivered()
    delivered.note(text("a" * TEXT_MAX_CHARS))
    assert delivered.obstacle(chat()) is None
    for _ in range(3):
        delivered.note(text("b"))
    assert delivered.text == ""
    assert delivered.obstacle(chat()) == "more than 1048576 characters were delivered"
