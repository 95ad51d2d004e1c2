"""The content of a message as parts: texts, calls of tools, and notes of what is no text."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from halfopen.model.content import Part

DEPTH_MAX: Final = 6
"""Levels of content within content that are looked at."""
_TEXT_FIELDS: Final = ("text", "refusal", "thinking", "transcript")
_CALLS: Final = frozenset(
    ("tool_use", "function_call", "functionCall", "custom_tool_call", "server_tool_use")
)
_RESULTS: Final = ("tool_result", "function_call_output", "functionResponse", "custom_tool_call_output")
_DATA_FIELDS: Final = ("data", "file_data", "image_url", "url", "file_url", "fileUri", "file_uri", "file_id")
_NESTED: Final = (
    "source",
    "image_url",
    "input_audio",
    "file",
    "inlineData",
    "inline_data",
    "fileData",
    "file_data",
)
_KINDS: Final = ("media_type", "mimeType", "mime_type", "format")
_KIND_MAX_CHARS: Final = 64


def parts_of(content: Any, *, depth: int = 0) -> Iterator[Part]:
    """The parts of a message's content, or of a part of it."""
    if isinstance(content, str):
        if content:
            yield Part("text", content)
    elif isinstance(content, list):
        for each in content if depth < DEPTH_MAX else ():
            yield from parts_of(each, depth=depth + 1)
    elif isinstance(content, dict):
        yield from _object(content, depth)


def calls_of(message: Mapping[str, Any]) -> Iterator[Part]:
    """The calls of tools beside a message's content, as chat completions have them."""
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield call_of(call.get("function") or call.get("custom"))
    if isinstance(message.get("function_call"), dict):
        yield call_of(message["function_call"])


def call_of(call: Any) -> Part:
    """A call of a tool with its arguments."""
    if not isinstance(call, dict):
        return Part("tool_call")
    given = next((call[name] for name in ("arguments", "input", "args") if name in call), "")
    return Part("tool_call", text_of(given), text_of(call.get("name")))


def text_of(value: Any) -> str:
    """A value as text: itself, or as JSON."""
    if value is None:
        return ""
    try:
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    except (UnicodeError, TypeError, ValueError, RecursionError):
        return ""


def _object(part: Mapping[str, Any], depth: int) -> Iterator[Part]:
    kind = _short(part.get("type"))
    if isinstance(part.get("functionCall"), dict):
        yield call_of(part["functionCall"])
    elif kind in _CALLS:
        yield call_of(part)
    elif kind in _RESULTS or isinstance(part.get("functionResponse"), dict):
        yield _result(part, depth)
    elif kind == "reasoning":
        for field in ("summary", "content"):
            yield from (
                Part("reasoning", each.content) for each in parts_of(part.get(field), depth=depth + 1)
            )
    else:
        text = next((part[name] for name in _TEXT_FIELDS if isinstance(part.get(name), str)), None)
        if text is None:
            yield Part("blob", _note(part))
        elif text:
            yield Part(_type_of(part), text)


def _type_of(part: Mapping[str, Any]) -> str:
    if part.get("type") == "thinking" or part.get("thought") is True:
        return "reasoning"
    return "refusal" if "refusal" in part else "text"


def _result(part: Mapping[str, Any], depth: int) -> Part:
    """What a tool gave."""
    response = part.get("functionResponse")
    if isinstance(response, dict):
        return Part("tool_call_response", text_of(response.get("response")), text_of(response.get("name")))
    content = part.get("content") if "content" in part else part.get("output")
    return Part("tool_call_response", flat(content, depth=depth + 1))


def flat(content: Any, *, depth: int = 0) -> str:
    """Content as one text, with notes of what is none."""
    return "\n".join(
        f"[{each.content}]" if each.type == "blob" else each.content
        for each in parts_of(content, depth=depth)
    )


def _note(part: Mapping[str, Any]) -> str:
    """Of what kind and size something is that is no text. Nothing of what it holds."""
    told = (
        _short(part.get("type")) or next((_short(name) for name in part if name in _NESTED), "") or "unknown"
    )
    inner = next((part[name] for name in _NESTED if isinstance(part.get(name), dict)), part)
    media = next((_short(inner[name]) for name in _KINDS if name in inner), "")
    data = next((inner[name] for name in _DATA_FIELDS if isinstance(inner.get(name), str)), None)
    if data is None:
        return f"{told} {media}".strip()
    if data.startswith("data:"):
        head, _, data = data[5:].partition(",")
        media = media or _short(head.partition(";")[0])
    elif "://" in data[:16] or any(name in inner for name in ("file_id", "fileUri", "file_uri", "file_url")):
        return f"{told} {media} by reference".replace("  ", " ")
    return f"{told} {media}, about {len(data) * 3 // 4} bytes".replace(" ,", ",")


def _short(value: Any) -> str:
    return value[:_KIND_MAX_CHARS] if isinstance(value, str) else ""
