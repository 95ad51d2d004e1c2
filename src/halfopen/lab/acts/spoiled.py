"""Bodies of a 200 that is none."""

from typing import Any

import msgspec

from halfopen.lab import wire
from halfopen.lab.fault import Scene

_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>\n"
)
_LISTS = {"openai": "choices", "anthropic": "content", "gemini": "candidates"}


def good(scene: Scene) -> bytes:
    """The good body."""
    return wire.body_of(scene.answer)


def error_of(scene: Scene) -> bytes:
    """An error of the vendor's own shape."""
    return scene.vendor.error(
        500, "The server had an error while processing your request.", scene.request_id
    ).body


def page(scene: Scene) -> bytes:
    """A page for people."""
    del scene
    return _PAGE


def nothing(scene: Scene) -> bytes:
    """No bytes at all."""
    del scene
    return b""


def null(scene: Scene) -> bytes:
    """The JSON value null."""
    del scene
    return b"null"


def half(scene: Scene) -> bytes:
    """Half of the good body."""
    body = good(scene)
    return body[: len(body) // 2]


def _decoded(scene: Scene) -> dict[str, Any]:
    value = msgspec.json.decode(scene.answer.body or b"{}")
    return value if isinstance(value, dict) else {}


def no_choices(scene: Scene) -> bytes:
    """The good answer with an empty list where the answer should be."""
    return msgspec.json.encode({**_decoded(scene), _LISTS[scene.vendor.name]: []})


def empty_content(scene: Scene) -> bytes:
    """The good answer without a word in it, finished in order."""
    value = _decoded(scene)
    for choice in value.get("choices", ()):
        choice["message"] = {"role": "assistant", "content": "", "refusal": None}
        choice["finish_reason"] = "stop"
    for candidate in value.get("candidates", ()):
        candidate["content"] = {"parts": [{"text": ""}], "role": "model"}
    if scene.vendor.name == "anthropic":
        value |= {"content": [{"type": "text", "text": ""}], "stop_reason": "end_turn"}
    return msgspec.json.encode(value)


def no_finish(scene: Scene) -> bytes:
    """Half the text, and no finish reason."""
    value = _decoded(scene)
    for choice in value.get("choices", ()):
        choice["finish_reason"] = None
        text = choice["message"].get("content") or ""
        choice["message"]["content"] = text[: len(text) // 2]
    for candidate in value.get("candidates", ()):
        candidate.pop("finishReason", None)
        for part in candidate["content"]["parts"]:
            if "text" in part:
                part["text"] = part["text"][: len(part["text"]) // 2]
    if scene.vendor.name == "anthropic":
        value["stop_reason"] = None
        for block in value.get("content", ()):
            if block.get("type") == "text":
                block["text"] = block["text"][: len(block["text"]) // 2]
    return msgspec.json.encode(value)
