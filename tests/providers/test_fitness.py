"""Whether a model can do what a request asks for."""

import json
from typing import Any

import pytest

from halfopen.model import Capabilities
from halfopen.providers import Chat, parse_chat
from halfopen.providers.fitness import unfit

TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}


def chat(**fields: Any) -> Chat:
    parsed = parse_chat(
        json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | fields).encode()
    )
    assert isinstance(parsed, Chat)
    return parsed


def user(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, *parts]}]}


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


WEB, INLINE = image("https://example.com/cat.png"), image("data:image/png;base64,AAAA")
NOTHING = Capabilities(
    tools=False, parallel_tools=False, images=False, image_urls=False, json_schema=False, json_object=False,
    system=False, seed=False, sampling=False, logprobs=False, choices=False, audio=False, files=False,
)  # fmt: skip


@pytest.mark.parametrize(
    ("lacks", "fields", "reason"),
    [
        ({"tools": False}, {"tools": [TOOL]}, "no tools"),
        ({"tools": False}, {"functions": [{"name": "f"}]}, "no tools"),
        ({"tools": False}, {"tools": []}, None),
        ({"parallel_tools": False}, {"parallel_tool_calls": True}, None),
        ({"parallel_tools": False}, {"parallel_tool_calls": False}, None),
        ({"images": False}, user(WEB), "no images"),
        ({"images": False}, user(INLINE), "no images"),
        ({"image_urls": False}, user(INLINE), None),
        ({"image_urls": False}, user(INLINE, WEB), "images only inline, not by URL"),
        ({"images": False}, {"messages": [{"role": "user", "content": 'say "image_url"'}]}, None),
        ({"json_schema": False}, {"response_format": {"type": "json_schema", "json_schema": {}}}, "no JSON-schema output"),
        ({"json_schema": False}, {"response_format": {"type": "json_object"}}, None),
        ({"json_object": False}, {"response_format": {"type": "json_object"}}, "no JSON-object output"),
        ({"json_object": False}, {"response_format": {"type": "text"}}, None),
        ({"choices": False}, {"n": 2}, "one choice only (n > 1 asked)"),
        ({"choices": False}, {"n": 1}, None),
        ({"logprobs": False}, {"logprobs": True}, "no logprobs"),
        ({"logprobs": False}, {"logprobs": False, "top_logprobs": 0}, None),
        ({"seed": False}, {"seed": 0}, "no seed"),
        ({"seed": False}, {"seed": None}, None),
        ({"sampling": False}, {"temperature": 0}, "sampling can't be changed"),
        ({"sampling": False}, {"temperature": 1, "top_p": 1, "frequency_penalty": 0.0, "logit_bias": {}}, None),
        ({"sampling": False}, {"logit_bias": {"50256": -100}}, "sampling can't be changed"),
        ({"sampling": False}, {"top_k": 5}, "sampling can't be changed"),
        ({"sampling": False}, {"top_k": -1}, None),
        ({"output_tokens": 100}, {"max_tokens": 101}, "at most 100 output tokens (101 asked)"),
        ({"output_tokens": 100}, {"max_completion_tokens": 101}, "at most 100 output tokens (101 asked)"),
        ({"output_tokens": 100}, {"max_tokens": 100}, None),
        ({"stop_max": 1}, {"stop": ["a", "b"]}, "at most 1 stop sequences (2 asked)"),
        ({"stop_max": 1}, {"stop": "ab"}, None),
        ({"reasoning": False}, {"reasoning_effort": "low"}, "no reasoning"),
        ({"reasoning": False}, {"reasoning_effort": "none"}, None),
        ({"audio": False}, {"modalities": ["text", "audio"]}, "no audio"),
        ({"audio": False}, {"modalities": ["text"]}, None),
        ({"audio": False}, user({"type": "input_audio", "input_audio": {"data": "AAAA"}}), "no audio"),
        ({"files": False}, user({"type": "file", "file": {"file_data": "AAAA"}}), "no files"),
        ({"system": False}, {"messages": [{"role": "system", "content": "Be"}]}, "no system messages"),
        ({"system": False}, {"messages": [{"role": "developer", "content": "Be"}]}, "no system messages"),
        ({"system": False}, {"messages": [{"role": "user", "content": 'a "system" word'}]}, None),
        ({"context_tokens": 100}, {"messages": [{"role": "user", "content": "x" * 700}]}, "the prompt has at least 122 tokens, the context 100"),
        ({"context_tokens": 100}, {"messages": [{"role": "user", "content": "x" * 500}]}, None),
        ({"context_tokens": 100}, user(image("data:image/png;base64," + "A" * 5000)), None),
    ],
)  # fmt: skip
def test_one_thing_lacking(lacks: dict[str, Any], fields: dict[str, Any], reason: str | None) -> None:
    """What the request has and the model lacks is named; what the request hasn't is no matter."""
    assert unfit(chat(**fields), Capabilities(**lacks)) == reason


def test_a_plain_chat_fits_anything() -> None:
    """A request that asks for nothing special fits the least capable model."""
    assert unfit(chat(max_tokens=5, stream=True, user="me", temperature=1), NOTHING) is None


@pytest.mark.parametrize(
    "field", ["tools", "response_format", "n", "stop", "max_tokens", "temperature", "modalities"]
)
@pytest.mark.parametrize("value", [{"a": 1}, "x", 7, [1], True, -1.5], ids=repr)
def test_odd_values_never_raise(field: str, value: Any) -> None:
    """A value of the wrong type is the upstream's to refuse, and never an exception here."""
    unfit(chat(**{field: value}), NOTHING)
    unfit(
        chat(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": value}, value]}]),
        NOTHING,
    )


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "UTF-8"])
@pytest.mark.parametrize(("letters", "fits"), [(500, True), (700, False)])
def test_a_prompt_is_measured_in_characters(escaped: bool, letters: int, fits: bool) -> None:
    """A letter of another script is one character, whatever number of bytes it is written in."""
    request = {"model": "m", "messages": [{"role": "user", "content": "Ж" * letters}]}
    read = parse_chat(json.dumps(request, ensure_ascii=escaped).encode())
    assert isinstance(read, Chat)
    assert (unfit(read, Capabilities(context_tokens=100)) is None) is fits


@pytest.mark.parametrize("field", ["temperature", "max_tokens", "n", "top_k", "stop"])
@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 5000], ids=["inf", "-inf", "long"])
def test_numbers_beyond_a_double_never_raise(field: str, number: bytes) -> None:
    """A number that is valid JSON but no double is judged like any other."""
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"%s":%s}' % (field.encode(), number)
    read = parse_chat(body)
    assert isinstance(read, Chat)
    unfit(read, Capabilities(sampling=False, choices=False, output_tokens=100, stop_max=1))
    assert read.value(field) is not None
    assert read.value("absent") is None
