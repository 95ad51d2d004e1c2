"""Thoughts in a conversation that Anthropic did not sign, and so would refuse.

They come from another provider that stood in for an earlier turn. Everything else of the
conversation keeps its bytes.
"""

from collections.abc import Mapping

import msgspec

_MAYBE = b'"thinking"'
_RESULT = b'"tool_result"'
_THOUGHTS = ("thinking", "redacted_thinking")


class _Block(msgspec.Struct, frozen=True):
    type: str = ""
    signature: str | None = None


_MESSAGES = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_RAW_BLOCKS = msgspec.json.Decoder(list[msgspec.Raw])
_BLOCK = msgspec.json.Decoder(_Block)
_DISABLED = msgspec.Raw(b'{"type":"disabled"}')


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""


_KIND = msgspec.json.Decoder(_Kind)


def signed_fields(fields: Mapping[str, msgspec.Raw]) -> Mapping[str, msgspec.Raw]:
    """The fields of a request without unsigned thoughts; the same object when nothing changes.

    Thinking that is `enabled` wants thoughts at the beginning of a turn that goes on after tool
    results. Where another provider began that turn there are none that are signed, so thinking is
    turned off for such a request. `adaptive` has no such rule.
    """
    raw = fields.get("messages")
    enabled = _kind_of(fields.get("thinking")) == "enabled"
    if raw is None or not (_MAYBE in bytes(raw) or (enabled and _RESULT in bytes(raw))):
        return fields
    try:
        messages = _MESSAGES.decode(raw)
        kept = [_signed(message) for message in messages]
        present = [message for message in kept if message is not None]
        stops = enabled and _begins_without_thoughts(present)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return fields  # no request that Anthropic would take: it says itself why
    made = dict(fields)
    if any(after is not before for after, before in zip(kept, messages, strict=True)):
        made["messages"] = msgspec.Raw(msgspec.json.encode(present))
    elif not stops:
        return fields
    if stops:
        made["thinking"] = _DISABLED
    return made


def asks_for_thinking(fields: Mapping[str, msgspec.Raw]) -> bool:
    """Whether a request asks for thinking in any form."""
    return _kind_of(fields.get("thinking")) in ("enabled", "adaptive")


def _signed(message: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw] | None:
    """A message without unsigned thoughts; None when it held nothing else."""
    content = message.get("content")
    if content is None or bytes(message.get("role", b"")) != b'"assistant"' or bytes(content)[:1] != b"[":
        return message
    blocks = _RAW_BLOCKS.decode(content)
    kept = [block for block in blocks if not _is_unsigned(block)]
    if len(kept) == len(blocks):
        return message
    return {**message, "content": msgspec.Raw(msgspec.json.encode(kept))} if kept else None


def _is_unsigned(raw: msgspec.Raw) -> bool:
    if _MAYBE not in bytes(raw):
        return False
    block = _BLOCK.decode(raw)
    return block.type == "thinking" and not block.signature


def _kind_of(raw: msgspec.Raw | None) -> str:
    """The type of thinking that is asked for; empty for none, and for what Anthropic refuses."""
    try:
        return "" if raw is None else _KIND.decode(raw).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _begins_without_thoughts(messages: list[dict[str, msgspec.Raw]]) -> bool:
    """Whether the turn that goes on after the latest tool results has no thoughts at its beginning.

    All calls and results since the user last spoke are one turn, and only its beginning counts: the
    model itself needn't think again between them.
    """
    first: msgspec.Raw | None = None
    goes_on = False
    for message in reversed(messages):
        role, content = bytes(message.get("role", b"")), message.get("content", msgspec.Raw())
        if role == b'"user"':
            if not _holds_result(content):
                break
            goes_on = True
        elif role == b'"assistant"':
            first = content
            if not goes_on:
                break
    if first is None or not goes_on:
        return False
    blocks = _RAW_BLOCKS.decode(first) if bytes(first)[:1] == b"[" else []
    return not blocks or _BLOCK.decode(blocks[0]).type not in _THOUGHTS


def _holds_result(content: msgspec.Raw) -> bool:
    if _RESULT not in bytes(content) or bytes(content)[:1] != b"[":
        return False
    return any(_BLOCK.decode(block).type == "tool_result" for block in _RAW_BLOCKS.decode(content))
