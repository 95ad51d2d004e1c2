"""Thought signatures for the calls of a history that another model than Gemini 3 made.

Gemini 3 answers 400 to a turn whose first function call has no thought signature. Of several calls
of one turn only the first has one. Google documents a stand-in for calls that Gemini did not make:
it is put in where a signature is missing, and every other byte stays as the client wrote it.

Source: ai.google.dev/gemini-api/docs/thought-signatures.
"""

from typing import Any, Final

import msgspec

from halfopen.providers.clients.generate.proto_json import camel
from halfopen.providers.gemini.contents import STAND_IN_SIGNATURE

Fields = dict[str, msgspec.Raw]
_FIELDS: Final = msgspec.json.Decoder(Fields)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
_STAND_IN: Final = msgspec.Raw(msgspec.json.encode(STAND_IN_SIGNATURE))
_MODEL: Final = b'"model"'


def signed_calls(contents: msgspec.Raw | None) -> msgspec.Raw | None:
    """The contents with a stand-in on every first call of a turn that lacks a signature.

    Args:
        contents: The field of a request that was accepted, as raw JSON.

    Returns:
        The field as it is to be sent; None: nothing is missing.
    """
    if contents is None or b"unction" not in bytes(contents):
        return None
    items, alone = _items(contents)
    begun = changed = False
    for at, item in enumerate(items):
        content = _fields(item)
        if bytes(_value(content, "role")) != _MODEL:
            begun = False
            continue
        if begun:  # the official client sends the pieces of a stream as contents of their own
            continue
        parts, part_alone = _items(_value(content, "parts"))
        first = next((place for place, part in enumerate(parts) if _is_call(part)), None)
        if first is None:
            continue
        begun = True
        if (signed := _signed(parts[first])) is not None:
            parts[first] = signed
            items[at] = _with(content, "parts", parts[0] if part_alone else _raw(parts))
            changed = True
    if not changed:
        return None
    return items[0] if alone else _raw(items)


def _signed(part: msgspec.Raw) -> msgspec.Raw | None:
    fields = _fields(part)
    if bytes(_value(fields, "thoughtSignature")) not in (b"null", b'""'):
        return None
    return _with(fields, "thoughtSignature", _STAND_IN)


def _is_call(part: msgspec.Raw) -> bool:
    return bytes(_value(_fields(part), "functionCall")) != b"null"


def _items(value: msgspec.Raw) -> tuple[list[msgspec.Raw], bool]:
    """A repeated field, and whether one value stands in the place of a list."""
    return (_LIST.decode(value), False) if bytes(value).startswith(b"[") else ([value], True)


def _fields(value: msgspec.Raw) -> Fields:
    return _FIELDS.decode(value) if bytes(value).startswith(b"{") else {}


def _value(fields: Fields, name: str) -> msgspec.Raw:
    """A field by its camel-case name; null when it is not there."""
    return next((raw for key, raw in fields.items() if camel(key) == name), msgspec.Raw(b"null"))


def _with(fields: Fields, name: str, value: msgspec.Raw) -> msgspec.Raw:
    kept = {key: raw for key, raw in fields.items() if camel(key) != name}
    return _raw({**kept, name: value})


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
