"""Whole answers of every dialect as messages of parts."""

import json

import pytest

from halfopen.model.content import Message, Part, Transcript
from halfopen.providers.transcript import answer_of


def said(*parts):
    return Message("assistant", parts)


CASES = {
    "chat": (
        {
            "choices": [
                {"message": {"role": "assistant", "content": "One.", "reasoning_content": "Hm."}},
                {"message": {"content": None, "refusal": "No.", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}},
                {"message": {"content": None, "audio": {"id": "a", "data": "AAAA", "transcript": "Spoken."}}},
            ]
        },
        (
            said(Part("reasoning", "Hm."), Part("text", "One.")),
            said(Part("refusal", "No."), Part("tool_call", "{}", "f")),
            said(Part("text", "Spoken.")),
        ),
    ),
    "completions": ({"choices": [{"text": " upon a time"}]}, (said(Part("text", " upon a time")),)),
    "messages": (
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Hi."}, {"type": "tool_use", "name": "f", "input": {}}]},
        (said(Part("reasoning", "Hm."), Part("text", "Hi."), Part("tool_call", "{}", "f")),),
    ),
    "responses": (
        {"output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Hi."}, {"type": "refusal", "refusal": "No."}]},
            {"type": "function_call", "name": "f", "arguments": "{}"},
        ]},
        (said(Part("reasoning", "Hm."), Part("text", "Hi."), Part("refusal", "No."), Part("tool_call", "{}", "f")),),
    ),
    "generate": (
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi."}, {"functionCall": {"name": "f", "args": {}}}]}}]},
        (said(Part("text", "Hi."), Part("tool_call", "{}", "f")),),
    ),
    "embeddings": ({"data": [{"embedding": [0.1]}, {"embedding": [0.2]}]}, (said(Part("blob", "2 embeddings")),)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_dialect(name):
    """A message for each choice; what is no text is noted."""
    answer, messages = CASES[name]
    assert answer_of(json.dumps(answer).encode(), 8192).messages == messages


def test_the_beginning_is_kept():
    """What is cut is told."""
    answer = {"choices": [{"message": {"content": "x" * 9000}}, {"message": {"content": "y"}}]}
    found = answer_of(json.dumps(answer).encode(), 4096)
    (part,) = found.messages[0].parts
    assert part.content == "x" * (4096 - 16 + 1024)
    assert part.left_out_bytes == 9000 - 4080
    assert found.left_out == 1
    assert found.is_cut


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"choices": 7}', b'{"choices": [7, {}, {"message": 5}]}', b'{"candidates": [{"content": 1}]}',
     b'{"output": [7]}', b'{"content": {"a": 1}}', b"\xff\xfe"],
)  # fmt: skip
def test_what_is_malformed_raises_nothing(body):
    """It was an answer, so something may be wrong with us."""
    assert isinstance(answer_of(body, 8192), Transcript)
