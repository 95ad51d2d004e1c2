"""Takes out of a conversation what OpenAI would look up among what it has stored, and not find.

Rules
1. Reasoning that we made of another provider's answer is left out, whole or referred to.
2. Other items that we made lose their ids: OpenAI takes what they say.
3. An answer that OpenAI began and another provider finished was never finished there, so that its
   items can't be found later, though their ids are OpenAI's. It is told by an item of ours in the same
   turn: there reasoning is left out unless its encrypted content stands for itself, and the other items
   lose their ids. Where all of the other provider's text went into a message that OpenAI had opened,
   nothing tells, and the conversation passes as it is.

A turn is what stands between two inputs: messages that are not the assistant's, or tools' results.
"""

from itertools import groupby
from typing import Any

import msgspec

from halfopen.providers.ask import plain_value
from halfopen.providers.clients.responses.ids import is_ours, is_reference

Fields = dict[str, msgspec.Raw]


def without_unstored(fields: Fields) -> Fields:
    """The fields of a request, the same ones when nothing of ours is in its input."""
    raw = fields.get("input", msgspec.Raw())
    if b"_halfopen_" not in bytes(raw):
        return fields
    items = plain_value(raw)
    if not isinstance(items, list):
        return fields
    kept: list[Any] = []
    for is_said, turn in groupby(items, _is_said):
        whole = list(turn)
        marked = is_said and any(isinstance(item, dict) and is_ours(item.get("id")) for item in whole)
        kept += [made for item in whole if (made := _unbound(item)) is not None] if marked else whole
    return fields if kept == items else {**fields, "input": msgspec.Raw(msgspec.json.encode(kept))}


def _is_said(item: Any) -> bool:
    """Whether an item is a model's."""
    if not isinstance(item, dict):
        return False
    kind = item.get("type")
    if kind == "message" or (kind is None and "role" in item):
        return item.get("role") == "assistant"
    return not (isinstance(kind, str) and kind.endswith("_output"))


def _unbound(item: dict[str, Any]) -> dict[str, Any] | None:
    """An item of a marked turn without what binds it to a store; None: nothing is left."""
    identity, kind = item.get("id"), item.get("type")
    if is_reference(item):
        return None if isinstance(identity, str) and identity.startswith("rs_") else item
    if kind == "reasoning":
        return None if is_ours(identity) or not item.get("encrypted_content") else item
    if kind in ("message", "function_call", None):
        return {name: value for name, value in item.items() if name != "id"}
    return item
