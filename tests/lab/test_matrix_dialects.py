"""Each client's stream is looked into: a relay that breaks its dialect in one place must come out as a fail.

The relay passes on what a simulated provider of the client's own dialect says, but for the planted bug.
"""

import asyncio
import contextlib
import json
import re
from contextlib import asynccontextmanager

import pytest
import uvloop

from halfopen.lab import faults, free_port
from halfopen.lab.matrix import Case, Result, run_case

OWN = {"chat": "openai", "responses": "openai", "completions": "openai", "messages": "anthropic"}
GOOD = "connection_close"
"""A fault after which a good answer comes all the same."""


def unchunked(rest):
    body = b""
    while (match := re.match(rb"([0-9a-fA-F]+)\r\n", rest)) and (size := int(match[1], 16)):
        body += rest[match.end() : match.end() + size]
        rest = rest[match.end() + size + 2 :]
    return body


class Event:
    """One server-sent event, with its JSON if it has any."""

    def __init__(self, raw):
        name = re.search(r"^event: (.*)$", raw, re.MULTILINE)
        data = re.search(r"^data: (.*)$", raw, re.MULTILINE)
        self.name = name[1].strip() if name else None
        self.text = data[1].strip() if data else ""
        self.data = json.loads(self.text) if self.text.startswith("{") else None

    @property
    def type(self):
        return None if self.data is None else self.data.get("type")

    def encoded(self):
        text = self.text if self.data is None else json.dumps(self.data)
        name = f"event: {self.name}\n" if self.name else ""
        return f"{name}data: {text}\n\n".encode()

    def copy(self):
        return Event(self.encoded().decode())


def relay(change):
    """A subject that passes the primary's answer on, its events changed."""

    async def serve(setting, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
            body = await reader.readexactly(length)
            upstream, sending = await asyncio.open_connection("127.0.0.1", setting.primary.port)
            sending.write(re.sub(rb"(?i)connection: [^\r]*", b"connection: close", head) + body)
            head, _, rest = (await upstream.read()).partition(b"\r\n\r\n")
            sending.close()
            raw = unchunked(rest).replace(b"\r\n", b"\n").decode()
            events = [Event(each) for each in raw.split("\n\n") if each.strip()]
            sent = b"".join(each.encoded() for each in change(events))
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + sent
            )
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def subject(setting):
        port = free_port()
        server = await asyncio.start_server(lambda *pair: serve(setting, *pair), "127.0.0.1", port)
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.close()
            await asyncio.sleep(0.01)

    return subject


# What is planted. Each takes the events and returns those that are sent.


def as_it_is(events):
    return events


def without(*types):
    return lambda events: [each for each in events if each.type not in types]


def without_last(events):
    return events[:-1]


def last_twice(events):
    return [*events, events[-1].copy()]


def twice(kind):
    return lambda events: [same for each in events for same in ([each] * (1 + (each.type == kind)))]


def changed(kind, **fields):
    """Sets fields of the events of a type; a nested one is written a__b."""

    def change(events):
        for each in events:
            if each.data is not None and kind in (None, each.type):
                for path, value in fields.items():
                    *steps, last = path.split("__")
                    inner = each.data
                    for step in steps:
                        inner = inner[int(step) if step.isdigit() else step]
                    if value is None:
                        inner.pop(last, None)
                    else:
                        inner[last] = value
        return events

    return change


def late(number):
    """Sends an early event again behind the end."""
    return lambda events: [*events, events[number].copy()]


def text_twice(events):
    """Repeats a word."""
    return [*events[:6], events[5].copy(), *events[6:]]


def text_lost(events):
    """Loses a word."""
    return [*events[:6], *events[7:]]


def other_id(events):
    """Goes on under another id in the middle."""
    for each in events[8:]:
        for name in ("id", "responseId"):
            if each.data is not None and name in each.data:
                each.data[name] = "another"
    return events


def finish_twice(events):
    """Sends the event with the finish reason again."""
    found = [
        number
        for number, each in enumerate(events)
        if each.data is not None
        and any(
            choice.get("finish_reason") or choice.get("finishReason")
            for choice in (*each.data.get("choices", ()), *each.data.get("candidates", ()))
        )
    ]
    return [*events[: found[0] + 1], *events[found[0] :]]


def finish_lost(events):
    for each in events:
        for choice in (
            () if each.data is None else (*each.data.get("choices", ()), *each.data.get("candidates", ()))
        ):
            choice.pop("finishReason", None)
            if "finish_reason" in choice:
                choice["finish_reason"] = None
    return events


def usage_lost(events):
    for each in events:
        if each.data is not None:
            each.data.pop("usageMetadata", None)
            if "usage" in each.data:
                each.data["usage"] = None
    return events


def number_skipped(events):
    for each in events[5:]:
        each.data["sequence_number"] += 1
    return events


def numbers_begin_anew(events):
    for number, each in enumerate(events[5:]):
        each.data["sequence_number"] = number
    return events


def numbered(events):
    for number, each in enumerate(events):
        each.data["sequence_number"] = number
    return events


def then_numbered(change):
    return lambda events: numbered(change(events))


PLANTED = {
    "chat": [
        (text_twice, "wrong answer"),
        (text_lost, "wrong answer"),
        (other_id, "different ids"),
        (finish_twice, "finish"),
        (finish_lost, "finish reasons []"),
        (usage_lost, "no token counts"),
        (changed(None, object="x"), "no chat.completion.chunk"),
        (changed(None, created=None), "created"),
    ],
    "completions": [
        (text_twice, "wrong answer"),
        (text_lost, "wrong answer"),
        (other_id, "different ids"),
        (finish_twice, "finish"),
        (finish_lost, "finish reasons []"),
        (usage_lost, "no token counts"),
        (changed(None, object="x"), "no text_completion"),
    ],
    "generate": [
        (text_twice, "wrong answer"),
        (text_lost, "wrong answer"),
        (other_id, "different ids"),
        (finish_twice, "finish"),
        (late(3), "wrong answer"),
        (finish_lost, "finish reasons []"),
        (without_last, "finish reasons []"),
        (usage_lost, "no token counts"),
        (changed(None, modelVersion=None), "without model_version"),
    ],
    "messages": [
        (text_twice, "wrong answer"),
        (text_lost, "wrong answer"),
        (last_twice, "message_stop after message_stop"),
        (late(5), "content_block_delta after message_stop"),
        (without("message_stop"), "the end without message_stop"),
        (without("message_start"), "before message_start"),
        (twice("message_start"), "a second message_start"),
        (without("content_block_start"), "empty answer"),
        (without("content_block_stop"), "inside a block"),
        (twice("content_block_stop"), "not open"),
        (changed("content_block_delta", index=1), "empty answer"),
        (changed("content_block_start", index=1), "block 0 has the number 1"),
        (without("message_delta"), "finish reasons []"),
        (twice("message_delta"), "instead of one stop"),
        (changed("message_delta", usage__output_tokens=1), "1 output tokens"),
        (changed("message_delta", usage=None), "AttributeError"),
        (changed("message_start", message__id=None), "id"),
    ],
    "responses": [
        (then_numbered(text_twice), "wrong answer"),
        (then_numbered(text_lost), "wrong answer"),
        (number_skipped, "sequence number"),
        (numbers_begin_anew, "sequence number"),
        (then_numbered(last_twice), "after the end"),
        (then_numbered(late(6)), "wrong answer"),
        (without_last, "finish reasons []"),
        (then_numbered(without("response.created")), "before response.created"),
        (then_numbered(without("response.output_item.added")), "not open"),
        (then_numbered(without("response.output_item.done")), "while item 0 is open"),
        (then_numbered(without("response.content_part.added")), "not open"),
        (then_numbered(without("response.content_part.done")), "open parts"),
        (changed("response.output_text.delta", item_id="x"), "the id of another item"),
        (changed("response.output_text.delta", output_index=1), "item 1, which is not open"),
        (changed("response.output_text.delta", content_index=1), "part (0, 1)"),
        (changed("response.output_text.done", text="x"), "another text than its deltas"),
        (changed("response.completed", response__id="x"), "different ids"),
        (changed("response.completed", response__output=[]), "the completed response says"),
        (changed("response.completed", response__usage=None), "no token counts"),
        (changed("response.completed", response__status="incomplete"), "finish reasons"),
        (changed("response.completed", response__tools=None), "response.tools"),
    ],
}
BUGS = [
    pytest.param(client, change, why, id=f"{client}-{place}-{why}")
    for client, planted in PLANTED.items()
    for place, (change, why) in enumerate(planted)
]


def played(client, change, **options):
    case = Case(faults.load(GOOD), "stream", OWN.get(client, "gemini"), client, **options)
    return uvloop.run(run_case(case, subject=relay(change), limit_s=5))


@pytest.mark.parametrize("client", [*OWN, "generate"])
@pytest.mark.parametrize("question", ["text", "tools"])
def test_what_the_client_s_own_provider_says_is_right(client, question):
    """The providers' own streams pass, so that no fail below is the judge's mood."""
    if (client, question) == ("completions", "tools"):
        question = "text"  # it has no tools
    row = played(client, as_it_is, question=question)
    assert row.result is Result.PASS, row


@pytest.mark.parametrize(("client", "change", "why"), BUGS)
def test_a_broken_dialect_is_found(client, change, why):
    """One event too many, too few, out of order or with a wrong field is a fail, and the reason names it."""
    row = played(client, change)
    assert (row.result, why in row.why) == (Result.FAIL, True), (row.why, row.error)


def half_arguments(events):
    """Loses a piece of the arguments of the first call, and so does all that repeats them."""
    text = json.dumps([each.data for each in events])
    text = text.replace('\\\\"days\\\\": 7', '\\\\"days\\\\": ').replace(
        '\\\\"days\\\\":7', '\\\\"days\\\\":'
    )
    for each, data in zip(events, json.loads(text), strict=True):
        each.data = data
    return events


def argument_piece_lost(events):
    """Loses one piece of a call's arguments."""
    found = [
        number
        for number, each in enumerate(events)
        if each.data is not None
        and (
            "input_json_delta" in each.text
            or each.type == "response.function_call_arguments.delta"
            or '"tool_calls"' in each.text
        )
    ]
    return [*events[: found[4]], *events[found[4] + 1 :]]


def second_call_lost(events):
    """Keeps only the first of two calls."""
    parts = [each for each in events if "functionCall" in each.text]
    return [each for each in events if each is not parts[-1]]


CALL_BUGS = [
    pytest.param("chat", argument_piece_lost, id="chat"),
    pytest.param("messages", argument_piece_lost, id="messages"),
    pytest.param("responses", then_numbered(argument_piece_lost), id="responses"),
    pytest.param("generate", second_call_lost, id="generate"),
]


@pytest.mark.parametrize(("client", "change"), CALL_BUGS)
def test_half_a_tool_call_is_found(client, change):
    """A call that lost a piece on its way is a fail."""
    row = played(client, change, question="tools")
    assert row.result is Result.FAIL, row


ERROR = "stream_error_event_after_content"


def broke_off(client, change):
    case = Case(
        faults.load(ERROR), "stream", OWN.get(client, "gemini"), client, "event:6", after_commit="error"
    )
    return uvloop.run(run_case(case, subject=relay(change), limit_s=5))


@pytest.mark.parametrize("client", [*OWN, "generate"])
def test_an_error_in_the_client_s_own_shape_is_explicit(client):
    """Each client's own error event is understood as one, and losing it is a truncated answer."""
    row = broke_off(client, as_it_is)
    assert row.result is Result.SAFE, row
    row = broke_off(client, without_last)
    assert (row.result, "truncated" in row.why) == (Result.FAIL, True), row


@pytest.mark.parametrize(
    ("client", "event"),
    [
        pytest.param(
            "messages", 'event: error\ndata: {"error": {"message": "x"}}', id="openai-s-to-anthropic"
        ),
        pytest.param("messages", 'data: {"type": "error", "error": {"message": "x"}}', id="without-a-name"),
        pytest.param("generate", 'event: error\ndata: {"message": "x"}', id="not-google-s"),
        pytest.param(
            "generate", 'data: {"error": {"message": "x", "code": "server_error"}}', id="openai-s-to-google"
        ),
        pytest.param("chat", 'event: error\ndata: {"type": "error", "message": "x"}', id="no-error-object"),
        pytest.param("responses", 'event: error\ndata: {"message": "x"}', id="no-typed-event"),
    ],
)
def test_an_error_in_another_shape_is_no_explicit_one(client, event):
    """What the client does not take for an error of its own, or only half, is a fail."""
    row = broke_off(client, lambda events: [*events[:-1], Event(event)])
    assert row.result is Result.FAIL, row
