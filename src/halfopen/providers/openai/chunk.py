"""One chunk of a streamed chat completion, decoded as deep as the judgement needs."""

from typing import Any

import msgspec

from halfopen.providers.contract import Form


class Function(msgspec.Struct):
    """A piece of a call: its name comes once, its arguments bit by bit."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCall(msgspec.Struct):
    """A piece of a tool call."""

    function: Function | None = None


class Delta(msgspec.Struct):
    """What one chunk adds to one choice.

    `content` is a list of parts at Mistral's reasoning models; `reasoning` is OpenRouter's and
    vLLM's word for what DeepSeek calls `reasoning_content`.
    """

    content: str | list[Any] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    audio: dict[str, Any] | None = None
    images: list[Any] | None = None


class Choice(msgspec.Struct):
    """One choice's part of a chunk."""

    delta: Delta | None = None
    index: int = 0
    finish_reason: str | None = None


class Chunk(msgspec.Struct):
    """A chunk. What is not looked at stays undecoded."""

    choices: list[Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class Padded(msgspec.Struct):
    """A chunk with random letters that hide how long its text is."""

    obfuscation: str | None = None


_DECODER = msgspec.json.Decoder(Chunk)
_PADDED = msgspec.json.Decoder(Padded)
_NOTHING = frozenset((b"", b"null", b"{}", b'""', b"[]", b"false"))


def read_chunk(data: bytes) -> Chunk | None:
    """Decode the data of one event. None when it is no chunk; nothing raises."""
    try:
        chunk = _DECODER.decode(data)
        if not data.isascii():
            data.decode()  # what the decoder skips may be no UTF-8, and the client would choke on it
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return chunk


def read_padding(data: bytes) -> str | None:
    """What hides the length of a chunk's text. None when nothing does, or it is no chunk."""
    try:
        return _PADDED.decode(data).obfuscation
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def given(raw: msgspec.Raw) -> bool:
    """Whether a value is there and says something: not null, not empty."""
    return bytes(raw) not in _NOTHING


def form_of(choices: list[Choice]) -> tuple[Form, str]:
    """What the content of a chunk consists of, and the text that it adds to the first choice."""
    text, form = "", Form.NONE
    for choice in choices:
        delta = choice.delta
        if delta is None:
            continue
        called = delta.function_call
        if delta.tool_calls or (called is not None and (called.name or called.arguments)):
            return Form.CALL, ""
        if delta.refusal or delta.audio or delta.images or _parts_chars_of(delta):
            form = Form.OTHER
        elif isinstance(delta.content, str) and delta.content:
            form = Form.OTHER if choice.index or form is Form.OTHER else Form.TEXT
            text += delta.content
        elif form is Form.NONE and thought_chars(delta):
            form = Form.REASONING
    return form, text if form is Form.TEXT else ""


def answer_chars(delta: Delta) -> int:
    """Characters of the answer itself in a delta: text, refusal, tool call, audio or image.

    What has no text (audio, an image, a call's name) counts as at least one.
    """
    content = delta.content
    chars = len(content) if isinstance(content, str) else _parts_chars(content)
    if delta.refusal:
        chars += len(delta.refusal)
    for call in delta.tool_calls or ():
        chars += 1 if call.function is None else _function_chars(call.function)
    if delta.function_call is not None:
        chars += _function_chars(delta.function_call)
    if delta.audio and (delta.audio.get("data") or delta.audio.get("transcript")):
        chars += max(1, len(str(delta.audio.get("transcript") or "")))
    return chars + len(delta.images or ())


def thought_chars(delta: Delta) -> int:
    """Characters of reasoning in a delta: progress, but no answer yet."""
    content = delta.content
    thinking = 0
    if isinstance(content, list):
        thinking = sum(isinstance(part, dict) and part.get("type") == "thinking" for part in content)
    return len(delta.reasoning_content or "") + len(delta.reasoning or "") + thinking


def _parts_chars_of(delta: Delta) -> int:
    return 0 if isinstance(delta.content, str) else _parts_chars(delta.content)


def _parts_chars(parts: list[Any] | None) -> int:
    chars = 0
    for part in parts or ():
        if isinstance(part, dict) and part.get("type") != "thinking":
            text = part.get("text")
            chars += len(text) if isinstance(text, str) else 1
    return chars


def _function_chars(function: Function) -> int:
    return max(1, len(function.name or "") + len(function.arguments or ""))
