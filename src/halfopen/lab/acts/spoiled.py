"""Bodies of a 200 that is none."""

from collections.abc import Iterable
from typing import Any

import msgspec

from halfopen.lab import wire
from halfopen.lab.fault import Scene

_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>\n"
)
_LISTS = ("choices", "content", "candidates", "output", "data", "embeddings", "results")
"""Where the answers of the endpoints stand in their bodies."""


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
    try:
        value = msgspec.json.decode(scene.answer.body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError):  # sound, a file
        return {}
    return value if isinstance(value, dict) else {}


def no_choices(scene: Scene) -> bytes:
    """The good answer with an empty list where the answer should be."""
    value = _decoded(scene)
    return msgspec.json.encode({**value, **{name: [] for name in _LISTS if name in value}})


def empty_content(scene: Scene) -> bytes:
    """The good answer without a word in it, finished in order."""
    value = _decoded(scene)
    for choice in value.get("choices", ()):
        if "text" in choice:
            choice["text"] = ""
        else:
            choice["message"] = {"role": "assistant", "content": "", "refusal": None}
        choice["finish_reason"] = "stop"
    for candidate in value.get("candidates", ()):
        candidate["content"] = {"parts": [{"text": ""}], "role": "model"}
    if value.get("object") == "response":
        value["output"] = [{**item, "content": []} for item in value["output"] if item["type"] == "message"]
    if value.get("type") == "message":
        value |= {"content": [{"type": "text", "text": ""}], "stop_reason": "end_turn"}
    for each in (value.get("embedding"), *value.get("data", ()), *value.get("embeddings", ())):
        for name in {"embedding", "values"} & set(each or ()):
            each[name] = []
    if isinstance(value.get("text"), str):
        value["text"] = ""
    return msgspec.json.encode(value)


def no_finish(scene: Scene) -> bytes:
    """Half the text, and no finish reason."""
    value = _decoded(scene)
    for choice in value.get("choices", ()):
        choice["finish_reason"] = None
        if "text" in choice:
            choice["text"] = _half(choice["text"])
        else:
            choice["message"]["content"] = _half(choice["message"].get("content") or "")
    for candidate in value.get("candidates", ()):
        candidate.pop("finishReason", None)
        _halve(candidate["content"]["parts"])
    if value.get("object") == "response":
        value |= {"status": "in_progress", "usage": None}
        for item in value["output"]:
            _halve(item.get("content", ()))
    if value.get("type") == "message":
        value["stop_reason"] = None
        _halve(value["content"])
    return msgspec.json.encode(value)


def _half(text: str) -> str:
    return text[: len(text) // 2]


def _halve(parts: Iterable[dict[str, Any]]) -> None:
    for part in parts:
        if "text" in part:
            part["text"] = _half(part["text"])
