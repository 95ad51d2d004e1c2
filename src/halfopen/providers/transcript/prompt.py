"""The messages of a request."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from halfopen.model.content import Message, Part, Transcript
from halfopen.providers.ask import plain_value
from halfopen.providers.transcript.bound import latest
from halfopen.providers.transcript.parts import calls_of, flat, parts_of

READ_MAX_BYTES: Final = 8 * 1024 * 1024
"""A longer request is not read once more: that would hold up others."""
_SYSTEM: Final = ("instructions", "system", "systemInstruction", "system_instruction")
_PARTS: Final = ("content", "parts")


def prompt_of(body: bytes, max_bytes: int) -> Transcript:
    """The messages of an accepted request, the last ones if not all fit.

    Args:
        body: The request, in the client's dialect.
        max_bytes: Of their texts.
    """
    if len(body) > READ_MAX_BYTES:
        return Transcript(
            (Message("user", (Part("blob", f"a request of {len(body)} bytes, too long to be kept"),)),)
        )
    try:
        request = plain_value(body)
    except (ValueError, RecursionError):
        return Transcript()
    return latest(_messages(request), max_bytes) if isinstance(request, dict) else Transcript()


def _messages(request: Mapping[str, Any]) -> Iterator[Message]:
    for name in _SYSTEM:
        yield from _message("system", _inside(request.get(name)))
    for name in ("messages", "contents", "input"):
        items = request.get(name)
        if isinstance(items, str):
            yield from _message("user", items)
        for item in items if isinstance(items, list) else ():
            yield from _item(item)
    prompts = request.get("prompt")
    for prompt in prompts if isinstance(prompts, list) else (prompts,):
        yield from _item(prompt)
    yield from _message("user", request.get("suffix"))
    several = request.get("requests")
    for each in several if isinstance(several, list) else (request,):
        if isinstance(each, dict) and isinstance(each.get("content"), dict):
            yield from _item(each["content"])


def _item(item: Any) -> Iterator[Message]:
    """A message; a piece of input of its own; or a text, which may be given as tokens."""
    if isinstance(item, list):
        yield Message("user", (Part("blob", f"{len(item)} tokens"),))
    elif not isinstance(item, dict):
        yield from _message("user", item)
    elif item.get("role") == "tool":
        yield Message("tool", (Part("tool_call_response", flat(item.get("content"))),))
    elif "role" in item or any(name in item for name in _PARTS):
        role = item.get("role")
        content = _inside(item)
        thought = item.get("reasoning_content")
        parts = [Part("reasoning", thought)] if isinstance(thought, str) and thought else []
        parts += parts_of(content)
        if isinstance(item.get("refusal"), str) and item["refusal"]:
            parts.append(Part("refusal", item["refusal"]))
        parts += calls_of(item)
        yield Message(role if isinstance(role, str) else "user", tuple(parts))
    else:
        kind = str(item.get("type"))
        role = "tool" if kind.endswith("_output") else "assistant"
        yield Message(role, tuple(parts_of(item)))


def _inside(value: Any) -> Any:
    """What stands under `content` or `parts`; itself, if it isn't an object that has one."""
    if isinstance(value, dict):
        return next((value[name] for name in _PARTS if name in value), None)
    return value


def _message(role: str, content: Any) -> Iterator[Message]:
    parts = tuple(parts_of(content))
    if parts:
        yield Message(role, parts)
