"""A streamed answer, noted while it goes out."""

import json
import sys

from halfopen.model.content import Message, Part
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.transcript import Transcribed


def event(form, *deltas, text="", kind=StreamKind.CONTENT, index=0):
    """One with these chunks."""
    chunks = [{"choices": [{"index": index, "delta": delta}]} for delta in deltas]
    data = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    return StreamEvent(kind, data, form=form, text=text)


def text(words):
    return event(Form.TEXT, {"content": words}, text=words)


def test_everything_that_a_stream_brings():
    """Thoughts, text that came both ways, a refusal, two calls whose arguments come bit by bit, another choice."""
    noted = Transcribed(8192)
    noted.note(event(Form.NONE, {"role": "assistant"}, kind=StreamKind.OPENING))
    noted.note(event(Form.REASONING, {"reasoning_content": "Hm"}))
    noted.note(event(Form.REASONING, {"reasoning": "."}))
    noted.note(text("Hello"))
    noted.note_text(" world")
    noted.note(event(Form.OTHER, {"refusal": "No."}))
    noted.note(
        event(
            Form.CALL, {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}
        )
    )
    noted.note(
        event(
            Form.CALL,
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
        )
    )
    noted.note(
        event(
            Form.CALL, {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{}"}}]}
        )
    )
    noted.note(event(Form.OTHER, {"content": "Second"}, index=1))
    noted.note(event(Form.OTHER, {"content": "."}, index=1))
    assert noted.transcript().messages == (
        Message("assistant", (
            Part("reasoning", "Hm."),
            Part("text", "Hello world"),
            Part("refusal", "No."),
            Part("tool_call", '{"a":1}', "f"),
            Part("tool_call", "{}", "g"),
        )),
        Message("assistant", (Part("text", "Second."),)),
    )  # fmt: skip
    assert noted.text == "Hello world", "what it does for whoever goes on stays"
    assert noted.calls


def test_a_long_stream_takes_bounded_memory():
    """A million pieces of a character each: what is kept stays near the bound, and what is not is counted."""
    noted = Transcribed(4096)
    for _ in range(1_000_000):
        noted.note_text("x")
    held = noted._kept[0, "text", 0]
    assert sum(sys.getsizeof(piece) for piece in held._pieces) < 4096 + 1024 + 256 * 64
    (part,) = noted.transcript().messages[0].parts
    assert len(part.content) == 4096 - 16 + 1024
    assert part.left_out_bytes == 1_000_000 - (4096 - 16)


def test_many_parts_are_bounded():
    """An upstream that begins a call in every piece can't fill the memory."""
    noted = Transcribed(1024)
    for number in range(5000):
        call = {"index": number, "function": {"name": f"f{number}", "arguments": "y" * 50}}
        noted.note(event(Form.CALL, {"tool_calls": [call]}))
    assert len(noted._kept) <= 64
    transcript = noted.transcript()
    assert sum(len(part.content) for each in transcript.messages for part in each.parts) <= 2048
    assert transcript.is_cut


def test_chunks_that_are_malformed_raise_nothing():
    """What an upstream sends is untrusted."""
    noted = Transcribed(1024)
    for data in (
        b"data: {", b"data: 7", b'data: {"choices": 7}', b'data: {"choices": [7, {"delta": 5}]}', b"event: x", b"",
        b'data: {"choices": [{"index": [], "delta": {"tool_calls": [7, {"index": "a", "function": 5}]}}]}',
        b'data: {"choices": [{"delta": {"content": {"a": 1}, "audio": {"transcript": 7}, "images": 5}}]}',
    ):  # fmt: skip
        noted.note(StreamEvent(StreamKind.CONTENT, data, form=Form.OTHER))
    assert noted.transcript().left_out == 0
