"""The conversation: Anthropic's system text and turns as the messages of a chat completion.

Rules
1. The system text comes first; a system turn in the middle stays where it is.
2. A tool's result becomes a `tool` message. Those take text only, so its images and files follow in
   a user's message after all results of the turn. A failed call's result begins with `Error: `,
   since the chat has no flag for it.
3. A text document becomes text under its title, a PDF a file, a search result text with its source.
4. Thoughts of earlier turns are left out: only the model that had them can read them.
5. `cache_control` is left out: it changes the price, never the answer.
6. An assistant's turn at the end stays one: it is to be continued.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from halfopen.providers.clients.messages.notes import Notes, WrongShapeError, text_at

Part = dict[str, Any]
Message = dict[str, Any]

ERROR_MARK = "Error: "
"""Begins the result of a tool call that failed."""
IMAGES_MARK = "Content of the result of tool call {id}:"
"""Goes before what a tool's result holds beside text."""
_SERVERS_OWN = ("server_tool_use", "_tool_result", "mcp_", "container_upload", "compaction", "tool_reference")


def messages_of(system: object, turns: list[Any], notes: Notes) -> list[Message]:
    """Translate a conversation.

    Args:
        system: The request's `system`.
        turns: Its `messages`: objects, each with a known role.
        notes: Where it is noted what only Anthropic can do.

    Raises:
        WrongShapeError: Something is of a shape that Anthropic refuses.
    """
    made: list[Message] = []
    if system:
        made.append(_said("system", _texts(system, "system", notes)))
    for index, turn in enumerate(turns):
        where = f"messages.{index}"
        content = turn.get("content")
        if turn["role"] == "system":
            made.append(_said("system", _texts(content, where + ".content", notes)))
        elif turn["role"] == "assistant":
            made += _assistant(content, where + ".content", notes)
        else:
            made += _user(content, where + ".content", notes)
    return made


def _said(role: str, parts: list[Part]) -> Message:
    """A message; one text is a plain string, which every server takes."""
    if not parts:
        return {"role": role, "content": ""}
    if len(parts) == 1 and parts[0]["type"] == "text":
        return {"role": role, "content": parts[0]["text"]}
    return {"role": role, "content": parts}


def _blocks(content: object, where: str) -> list[tuple[str, dict[str, Any], str]]:
    """The blocks of content, each with its type and its place."""
    if isinstance(content, str):
        return [("text", {"type": "text", "text": content}, where)]
    if not isinstance(content, list):
        what = "Field required" if content is None else "Input should be a valid string or list"
        raise WrongShapeError(where, what)
    blocks = []
    for index, block in enumerate(content):
        place = f"{where}.{index}"
        if not isinstance(block, dict):
            raise WrongShapeError(place, "Input should be an object")
        blocks.append((text_at(block, "type", place), block, place))
    return blocks


def _texts(content: object, where: str, notes: Notes) -> list[Part]:
    parts = [part for each in _blocks(content, where) for part in _parts(*each, notes)]
    if any(part["type"] != "text" for part in parts):
        raise WrongShapeError(where, "Input should be text")
    return parts


def _assistant(content: object, where: str, notes: Notes) -> list[Message]:
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for kind, block, place in _blocks(content, where):
        if kind == "text":
            texts.append(text_at(block, "text", place))
        elif kind == "tool_use":
            calls.append(_call(block, place, notes))
        elif kind not in ("thinking", "redacted_thinking"):
            notes.only_native(f"a block of type {kind} ({place})")
    text = "".join(texts)
    if not text and not calls:
        return []
    message: Message = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = calls
    return [message]


def _call(block: Mapping[str, Any], where: str, notes: Notes) -> dict[str, Any]:
    if block.get("toolset_name") is not None:
        notes.only_native(f"a call of Anthropic's own tools ({where})")
    arguments = block.get("input")
    if not isinstance(arguments, dict):
        raise WrongShapeError(f"{where}.input", "Input should be a valid dictionary")
    return {
        "id": text_at(dict(block), "id", where),
        "type": "function",
        "function": {
            "name": text_at(dict(block), "name", where),
            "arguments": msgspec.json.encode(arguments).decode(),
        },
    }


def _user(content: object, where: str, notes: Notes) -> list[Message]:
    results: list[Message] = []
    shown: list[Part] = []
    parts: list[Part] = []
    for kind, block, place in _blocks(content, where):
        if kind == "tool_result":
            result, beside = _result(block, place, notes)
            results.append(result)
            shown += beside
        else:
            parts += _parts(kind, block, place, notes)
    parts = shown + parts
    return results if results and not parts else [*results, _said("user", parts)]


def _result(block: dict[str, Any], where: str, notes: Notes) -> tuple[Message, list[Part]]:
    """A tool's result as a message of text, and the parts of it that are none."""
    call_id = text_at(block, "tool_use_id", where)
    content = block.get("content")
    parts = (
        []
        if content is None
        else [part for each in _blocks(content, where + ".content") for part in _parts(*each, notes)]
    )
    texts = [part["text"] for part in parts if part["type"] == "text"]
    beside = [part for part in parts if part["type"] != "text"]
    text = "\n".join(texts)
    if block.get("is_error") is True:
        text = ERROR_MARK + text
    if beside:
        beside.insert(0, _text(IMAGES_MARK.format(id=call_id)))
    return {"role": "tool", "tool_call_id": call_id, "content": text}, beside


def _parts(kind: str, block: dict[str, Any], where: str, notes: Notes) -> list[Part]:
    match kind:
        case "text":
            return [_text(text_at(block, "text", where))]
        case "image":
            return _image(_source(block, where), where, notes)
        case "document":
            return _document(block, where, notes)
        case "search_result":
            return _search_result(block, where, notes)
        case _:
            whose = "Anthropic's own" if any(each in kind for each in _SERVERS_OWN) else "an unknown"
            notes.only_native(f"{whose} block of type {kind} ({where})")
            return []


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _source(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    source = block.get("source")
    if not isinstance(source, dict):
        raise WrongShapeError(f"{where}.source", "Input should be an object")
    return source


def _image(source: dict[str, Any], where: str, notes: Notes) -> list[Part]:
    place = f"{where}.source"
    kind = text_at(source, "type", place)
    if kind == "base64":
        url = f"data:{text_at(source, 'media_type', place)};base64,{text_at(source, 'data', place)}"
    elif kind == "url":
        url = text_at(source, "url", place)
    else:
        notes.only_native(f"an image by {kind}, which is stored at Anthropic ({where})")
        return []
    return [{"type": "image_url", "image_url": {"url": url}}]


def _document(block: dict[str, Any], where: str, notes: Notes) -> list[Part]:
    if _cites(block):
        notes.only_native(f"a document with citations ({where})")
    source = _source(block, where)
    place = f"{where}.source"
    kind = text_at(source, "type", place)
    title, context = (_line(block, name) for name in ("title", "context"))
    about = [_text(context)] if context else []
    if kind == "text":
        return [*about, _text(_titled(title, text_at(source, "data", place)))]
    if kind == "content":
        inside = _blocks(source.get("content"), f"{place}.content")
        head = [_text(_titled(title, ""))] if title else []
        return [*about, *head, *(part for each in inside for part in _parts(*each, notes))]
    if kind == "base64":
        data = f"data:{text_at(source, 'media_type', place)};base64,{text_at(source, 'data', place)}"
        return [*about, {"type": "file", "file": {"filename": title or "document.pdf", "file_data": data}}]
    notes.only_native(f"a document by {kind} ({where})")
    return []


def _search_result(block: dict[str, Any], where: str, notes: Notes) -> list[Part]:
    if _cites(block):
        notes.only_native(f"a search result with citations ({where})")
    title = f"{_line(block, 'title')} ({_line(block, 'source')})"
    texts = _texts(block.get("content"), f"{where}.content", notes)
    return [_text(_titled(title, "\n".join(part["text"] for part in texts)))]


def _cites(block: Mapping[str, Any]) -> bool:
    citations = block.get("citations")
    return isinstance(citations, dict) and citations.get("enabled") is True


def _line(block: Mapping[str, Any], name: str) -> str:
    value = block.get(name)
    return value if isinstance(value, str) else ""


def _titled(title: str, text: str) -> str:
    return f"{title}\n\n{text}" if title else text
