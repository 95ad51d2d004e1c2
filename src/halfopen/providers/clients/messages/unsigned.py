"""Thoughts in a conversation that Anthropic did not sign, and so would refuse.

They come from another provider that stood in for an earlier turn. Everything else of the
conversation keeps its bytes.
"""

from collections.abc import Mapping

import msgspec

_MAYBE = b'"thinking"'


class _Block(msgspec.Struct, frozen=True):
    type: str = ""
    signature: str | None = None


_MESSAGES = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_RAW_BLOCKS = msgspec.json.Decoder(list[msgspec.Raw])
_BLOCK = msgspec.json.Decoder(_Block)
_DISABLED = msgspec.Raw(b'{"type":"disabled"}')


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""


def signed_fields(fields: Mapping[str, msgspec.Raw]) -> Mapping[str, msgspec.Raw]:
    """The fields of a request without unsigned thoughts; the same object when there are none.

    A turn that loses its thoughts can't be continued with thinking `enabled`, which wants them at
    its beginning, so thinking is turned off for such a request. `adaptive` has no such rule.
    """
    raw = fields.get("messages")
    if raw is None or _MAYBE not in bytes(raw):
        return fields
    try:
        messages = _MESSAGES.decode(raw)
        kept = [_signed(message) for message in messages]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return fields  # no request that Anthropic would take: it says itself why
    if all(after is before for after, before in zip(kept, messages, strict=True)):
        return fields
    present = [message for message in kept if message is not None]
    made = {**fields, "messages": msgspec.Raw(msgspec.json.encode(present))}
    if _is_enabled(fields.get("thinking")) and _lost_latest(messages, kept):
        made["thinking"] = _DISABLED
    return made


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


def _is_enabled(raw: msgspec.Raw | None) -> bool:
    return raw is not None and msgspec.json.decode(raw, type=_Kind).type == "enabled"


def _lost_latest(before: list[dict[str, msgspec.Raw]], after: list[dict[str, msgspec.Raw] | None]) -> bool:
    """Whether the assistant's latest turn is among those that lost thoughts."""
    for old, new in zip(reversed(before), reversed(after), strict=True):
        if bytes(old.get("role", b"")) == b'"assistant"':
            return new is not old
    return False
