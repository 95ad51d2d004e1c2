"""Ids of tool calls for servers that take nine letters or digits and nothing else.

Calls that another server made have ids such as `call_a1b2…` or `toolu_01…`. Each gets an id that is
made of it alone: the same in a call and in its result, in every request and at every gateway, so
that the server's cache of the conversation holds. Ids that the server takes stay.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec

_TAKEN = re.compile(r"[a-zA-Z0-9]{9}")
_SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 9
_MAYBE = b'"tool_call'

_Fields = dict[str, msgspec.Raw]
_MESSAGES = msgspec.json.Decoder(list[_Fields])
_CALLS = msgspec.json.Decoder(list[_Fields])


def short_id(call_id: str) -> str:
    """An id that the server takes: the same for the same id, and different ones for others.

    Two of a conversation's ids meet by chance once in 10^15 pairs.
    """
    if _TAKEN.fullmatch(call_id):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode("utf-8", "replace")).digest())
    made = ""
    for _ in range(_LENGTH):
        number, symbol = divmod(number, len(_SYMBOLS))
        made += _SYMBOLS[symbol]
    return made


def with_short_ids(fields: _Fields) -> _Fields:
    """The fields of a chat with ids that the server takes; the same object when all are such.

    Everything else of the conversation keeps its bytes. What is of no shape to have ids stays too.
    """
    raw = fields.get("messages")
    if raw is None or _MAYBE not in bytes(raw):
        return fields
    try:
        messages = _MESSAGES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return fields
    made = [_shortened(message) for message in messages]
    if all(after is before for after, before in zip(made, messages, strict=True)):
        return fields
    return {**fields, "messages": _raw(made)}


def _shortened(message: _Fields) -> _Fields:
    changed = _with_id(message, "tool_call_id")
    raw = message.get("tool_calls")
    if raw is None:
        return changed
    try:
        calls = _CALLS.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return changed
    made = [_with_id(call, "id") for call in calls]
    if all(after is before for after, before in zip(made, calls, strict=True)):
        return changed
    return {**changed, "tool_calls": _raw(made)}


def _with_id(holder: _Fields, name: str) -> _Fields:
    raw = holder.get(name)
    if raw is None or not bytes(raw).startswith(b'"'):
        return holder
    call_id = msgspec.json.decode(raw, type=str)
    short = short_id(call_id)
    return holder if short == call_id else {**holder, name: _raw(short)}


def _raw(value: str | list[Any] | Mapping[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
