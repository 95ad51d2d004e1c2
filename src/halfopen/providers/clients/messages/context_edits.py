"""Context edits: old thoughts and tool results that Anthropic clears before its model reads them.

Clearing makes a long conversation shorter and promises nothing about the answer, so other providers
get the conversation whole. Whatever else can be asked for (compaction writes a summary, which comes
back as a block of its own) only Anthropic can do.

Source: platform.claude.com/docs/en/build-with-claude/context-editing.
"""

from collections.abc import Mapping

import msgspec

from halfopen.providers.clients.messages.notes import Notes, WrongShapeError

FIELD = "context_management"
_THOUGHTS = "clear_thinking_"
_CLEARING = (_THOUGHTS, "clear_tool_uses_")
"""What the names of the edits begin with; a date follows."""


class _Edit(msgspec.Struct, frozen=True):
    type: str = ""


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_EDITS = msgspec.json.Decoder(list[msgspec.Raw])
_EDIT = msgspec.json.Decoder(_Edit)


def note_edits(management: object, notes: Notes) -> None:
    """Note what of a request's `context_management` is lost, and what only Anthropic can do.

    Raises:
        WrongShapeError: It is of a shape that Anthropic refuses.
    """
    if not isinstance(management, dict):
        raise WrongShapeError(FIELD, "Input should be an object")
    for name, value in management.items():
        if name != "edits" and value is not None:
            notes.only_native(f"{FIELD}.{name}")
    edits = management.get("edits")
    if edits is not None and not isinstance(edits, list):
        raise WrongShapeError(f"{FIELD}.edits", "Input should be a valid list")
    for edit in edits or ():
        kind = edit.get("type") if isinstance(edit, dict) else None
        if isinstance(kind, str) and kind.startswith(_CLEARING):
            notes.drop("context is not edited")
        else:
            notes.only_native(f"{FIELD} with an edit of type {kind}")


def without_thought_edits(fields: Mapping[str, msgspec.Raw]) -> Mapping[str, msgspec.Raw]:
    """The fields without edits that clear thoughts, which are refused where there is no thinking.

    The same object when there are none. What else is edited keeps its bytes.
    """
    raw = fields.get(FIELD)
    if raw is None or _THOUGHTS.encode() not in bytes(raw):
        return fields
    try:
        management = _FIELDS.decode(raw)
        edits = _EDITS.decode(management["edits"])
        kept = [edit for edit in edits if not _EDIT.decode(edit).type.startswith(_THOUGHTS)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError):
        return fields  # no request that Anthropic would take: it says itself why
    if len(kept) == len(edits):
        return fields
    if not kept:
        return {name: each for name, each in fields.items() if name != FIELD}
    management["edits"] = msgspec.Raw(msgspec.json.encode(kept))
    return {**fields, FIELD: msgspec.Raw(msgspec.json.encode(management))}
