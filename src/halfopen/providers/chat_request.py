"""Reads a chat request: once, and only as deep as needed.

A good request is decoded once, shallowly; why a bad one is bad is worked out only when it is bad.
What passes `parse_chat` can be decoded in full without an error: its text is valid UTF-8 and its
nesting is bounded.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import structs

from halfopen.model import Fault
from halfopen.providers.chat import Chat, may_have_parts
from halfopen.providers.chat_shape import FIELDS_BEFORE, MARKED, READ, UNMARKED
from halfopen.providers.json_body import bad, is_too_deep, not_json, not_utf8, too_deep


def parse_chat(body: bytes) -> Chat | Fault:
    """Decode a request's body.

    Args:
        body: The body as the client sent it, already decompressed.

    Returns:
        The request, or a Fault (verdict FIX_REQUEST) that says what is wrong, where, and what to do.
    """
    try:
        shallow = READ.decode(body)
        if not body.isascii():
            body.decode()  # the shallow decoder does not look into the text
    except msgspec.ValidationError as problem:
        return _wrong_shape(body, str(problem))
    except UnicodeDecodeError:
        return not_utf8(body)
    except msgspec.DecodeError as problem:
        return not_json(body, str(problem), "model and messages")
    except RecursionError:
        return too_deep()
    if not shallow.messages:
        return bad("messages is empty: send at least one message.", "messages")
    if not shallow.model:
        return bad("model is empty: send the name of a model.", "model")
    if is_too_deep(body):
        return too_deep()
    options = shallow.stream_options
    usage = options is not None and options.get("include_usage") is True
    chat = Chat(body, shallow.model, shallow.stream is True, usage)
    # What the properties would find out, one of them by decoding once more.
    found = chat.__dict__
    found["may_have_parts"] = may_have_parts(body)
    marked: dict[str, msgspec.Raw] = {}
    values = structs.astuple(shallow)[FIELDS_BEFORE:]
    if values != UNMARKED:
        for number, name in enumerate(MARKED):
            raw = values[number]
            if raw:
                marked[name] = raw
    found["marked"] = marked
    return chat


_NOUNS: Mapping[str, str] = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}
_MISSING: Final = re.compile(r"Object missing required field `([^`]+)`(?: - at `\$\.?(.*)`)?$")
_EXPECTED: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`(?: - at `\$\.?(.*)`)?$")


def _wrong_shape(body: bytes, problem: str) -> Fault:
    """Put the decoder's words (`Expected `str`, got `int` - at `$.model``) into an SDK user's."""
    if missing := _MISSING.match(problem):
        name, inside = missing[1], missing[2]
        where = f"{inside}.{name}" if inside else name
        advice = {"model": "send the name of a model", "messages": "send a list of messages"}
        return bad(f"{where} is missing: {advice.get(name, 'every message needs a role')}.", where)
    if expected := _EXPECTED.match(problem):
        wanted = _nouns(expected[1].replace(" | null", "").replace("null | ", ""))
        got = "a boolean" if expected[2] == "bool" else _nouns(expected[2])
        where = _place_of(body, expected[3] or "")
        if not where:
            return bad(f"The request body must be a JSON object with model and messages, not {got}.")
        return bad(f"{where} must be {wanted}, not {got}.", where)
    return bad(f"The request is not a chat completion request: {problem}.")


def _nouns(types: str) -> str:
    return " or ".join(_NOUNS.get(each, each) for each in types.split(" | "))


def _place_of(body: bytes, path: str) -> str:
    """Give the decoder's path with the number of the message, which it leaves out."""
    if "[...]" not in path:
        return path
    before, _, after = path.partition("[...]")
    field = after.removeprefix(".")
    try:
        messages = msgspec.json.decode(body).get(before)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return path
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if not isinstance(message, dict) or (field and not isinstance(message.get(field), str)):
            return f"{before}[{index}]{after}"
    return path
