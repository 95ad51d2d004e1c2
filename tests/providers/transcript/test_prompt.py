"""Requests of every dialect as messages of parts."""

import json

import pytest

from halfopen.model.content import Message, Part, Transcript
from halfopen.providers.transcript import prompt_of
from halfopen.providers.transcript.prompt import READ_MAX_BYTES

PNG = "iVBORw0KGgo" * 40


def text(role, *contents):
    return Message(role, tuple(Part("text", each) for each in contents))


def told(request, max_bytes=8192):
    return prompt_of(json.dumps(request).encode(), max_bytes)


CASES = {
    "chat": (
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is it?"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                        {"type": "image_url", "image_url": {"url": "https://h/secret-path.png"}},
                        {"type": "input_audio", "input_audio": {"data": "AAAA" * 10, "format": "wav"}},
                    ],
                },
                {
                    "role": "assistant",
                    "content": None,
                    "reasoning_content": "Look it up.",
                    "tool_calls": [{"id": "c", "function": {"name": "look", "arguments": '{"at":1}'}}],
                },
                {"role": "tool", "tool_call_id": "c", "content": "A cat."},
            ],
        },
        (
            text("system", "Be brief."),
            Message(
                "user",
                (
                    Part("text", "What is it?"),
                    Part("blob", "image_url image/png, about 330 bytes"),
                    Part("blob", "image_url by reference"),
                    Part("blob", "input_audio wav, about 30 bytes"),
                ),
            ),
            Message("assistant", (Part("reasoning", "Look it up."), Part("tool_call", '{"at":1}', "look"))),
            Message("tool", (Part("tool_call_response", "A cat."),)),
        ),
    ),
    "messages": (
        {
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": "Hello"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                        {"type": "tool_use", "id": "t", "name": "look", "input": {"at": 1}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t",
                            "content": [
                                {"type": "text", "text": "A cat."},
                                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                            ],
                        },
                        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}},
                    ],
                },
            ],
        },
        (
            text("system", "Be brief."),
            text("user", "Hello"),
            Message("assistant", (Part("reasoning", "Hm."), Part("tool_call", '{"at":1}', "look"))),
            Message(
                "user",
                (
                    Part("tool_call_response", "A cat.\n[image image/png, about 330 bytes]"),
                    Part("blob", "document application/pdf, about 3 bytes"),
                ),
            ),
        ),
    ),
    "responses": (
        {
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "Hello"}, {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}]},
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
                {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "A cat."},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It is a cat."}]},
            ],
        },
        (
            text("system", "Be brief."),
            Message("user", (Part("text", "Hello"), Part("blob", "input_image image/png, about 330 bytes"))),
            Message("assistant", (Part("reasoning", "Hm."),)),
            Message("assistant", (Part("tool_call", "{}", "look"),)),
            Message("tool", (Part("tool_call_response", "A cat."),)),
            text("assistant", "It is a cat."),
        ),
    ),
    "responses, a text": ({"input": "Hello"}, (text("user", "Hello"),)),
    "generate": (
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Hello"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
                {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"functionCall": {"name": "look", "args": {"at": 1}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"is": "cat"}}}]},
            ],
        },
        (
            text("system", "Be brief."),
            Message("user", (Part("text", "Hello"), Part("blob", "inlineData image/png, about 330 bytes"))),
            Message("model", (Part("reasoning", "Hm."), Part("tool_call", '{"at":1}', "look"))),
            Message("user", (Part("tool_call_response", '{"is":"cat"}', "look"),)),
        ),
    ),
    "completions": (
        {"prompt": ["Once", "Twice"], "suffix": "the end"},
        (text("user", "Once"), text("user", "Twice"), text("user", "the end")),
    ),
    "completions, tokens": ({"prompt": [[1, 2, 3]]}, (Message("user", (Part("blob", "3 tokens"),)),)),
    "embeddings": ({"input": ["one", "two"]}, (text("user", "one"), text("user", "two"))),
    "embeddings, content": ({"content": {"parts": [{"text": "one"}]}}, (text("user", "one"),)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_dialect(name):
    """Texts as they are, calls with their arguments; of images and sound only kind and size."""
    request, messages = CASES[name]
    found = told(request)
    assert found.messages == messages
    assert PNG not in repr(found)
    assert "secret-path" not in repr(found)


def test_the_last_messages_are_kept():
    """What doesn't fit is told; of the message in which the room ends the beginning is kept, with a margin."""
    messages = [{"role": "user", "content": f"{number} " + "x" * 3000} for number in range(10)]
    found = told({"messages": messages}, max_bytes=4096)
    assert [part.content[:2] for each in found.messages for part in each.parts] == ["8 ", "9 "]
    assert found.left_out == 8
    cut, whole = (each.parts[0] for each in found.messages)
    assert whole.left_out_bytes == 0
    assert len(cut.content) + len(whole.content) == 4096 - 32 + 1024
    assert cut.left_out_bytes == 3002 - (len(cut.content) - 1024)


def test_many_empty_messages_are_bounded():
    """Each costs something, whatever it says."""
    found = told({"messages": [{"role": "user", "content": "x"}] * 100_000}, max_bytes=8192)
    assert len(found.messages) < 8192 / 16
    assert found.left_out + len(found.messages) == 100_000


def test_no_character_is_cut_in_two():
    """A bound in bytes, and text that takes several for each character."""
    found = told({"messages": [{"role": "user", "content": "東京🙂" * 4000}]}, max_bytes=1000)
    (part,) = found.messages[0].parts
    assert part.left_out_bytes
    assert ("東京🙂" * 4000).startswith(part.content)
    assert len(part.content.encode()) <= 1000 + 1024


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": 7},
        {"messages": [7, None, True, {"role": 8, "content": {"a": []}}, {"content": [[[[[[[["deep"]]]]]]]]}]},
        {"messages": [{"role": "user", "content": [{"type": ["x"], "text": 5}, {"image_url": 7}, {}]}]},
        {"messages": [{"role": "assistant", "tool_calls": [None, {"function": 7}, {"function": {"name": []}}]}]},
        {"contents": [{"parts": [{"functionCall": {"args": 1e308}}, {"inlineData": None}]}], "system": 5},
        {"input": {"a": 1}, "prompt": {"b": 2}, "instructions": ["x", {"text": "y"}]},
        {"messages": [{"role": "user", "content": "\ud800 half"}]},
    ],
)  # fmt: skip
def test_what_is_malformed_raises_nothing(request_):
    """A request that an upstream will refuse is still one that is kept."""
    found = prompt_of(json.dumps(request_).encode(), 8192)
    assert isinstance(found, Transcript)


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b"{", b'{"messages": 1e999}', b"\xff"])
def test_what_is_no_request_is_empty(body):
    """Nothing of it is kept."""
    assert prompt_of(body, 8192) == Transcript()


def test_a_request_that_is_too_long_is_noted():
    """To read it once more would hold up others."""
    found = prompt_of(b"x" * (READ_MAX_BYTES + 1), 8192)
    assert [part.type for part in found.messages[0].parts] == ["blob"]
    assert str(READ_MAX_BYTES + 1) in found.messages[0].parts[0].content
