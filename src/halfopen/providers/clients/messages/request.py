"""Reads a Messages request: `POST /v1/messages`.

What is wrong is said as Anthropic says it: the place with dots (`messages.0.content`), then what was
expected there.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from halfopen import errors
from halfopen.model import Fault, Kind
from halfopen.providers.ask import Ask, plain_value
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.messages.messages_to_chat import chat_fields
from halfopen.providers.clients.messages.notes import Notes, WrongShapeError

PASSED_HEADERS = ("anthropic-version", "anthropic-beta")
"""Headers that Anthropic must see as the client sent them."""
ROLES = ("user", "assistant", "system")


def parse_messages(request: ClientRequest) -> Chat | Fault:
    """Read a request.

    Returns:
        The chat that it means, with the request itself as `origin`; or a Fault (verdict FIX_REQUEST)
        that says what is wrong, where, and what was expected.
    """
    # The same request is a chat as far as this goes, so its JSON, text and nesting are judged alike.
    sound = parse_chat(request.body)
    try:
        deep = plain_value(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        return sound if isinstance(sound, Fault) else _bad("", "The request body is not valid JSON.")
    notes = Notes()
    try:
        _check(deep)
        if isinstance(sound, Fault):
            return sound
        body = msgspec.json.encode(chat_fields(deep, notes))
    except WrongShapeError as problem:
        return _bad(problem.where, f"{problem}.")
    except (UnicodeEncodeError, RecursionError):
        return _bad("", "The request holds text that is no valid Unicode, or is nested too deeply.")
    chat = parse_chat(body)
    if isinstance(chat, Fault):
        return chat
    headers = tuple((name, request.headers[name]) for name in PASSED_HEADERS if name in request.headers)
    return replace(
        chat,
        include_usage=True,
        origin=Ask(request.body, chat.model, chat.stream, headers=headers),
        native_only=_native_reason(notes),
        dropped=tuple(notes.dropped),
    )


def _native_reason(notes: Notes) -> str | None:
    return None if notes.native_only is None else f"Anthropic only: {notes.native_only}"


def _bad(where: str, message: str) -> Fault:
    return errors.make(Kind.INVALID_REQUEST, message, param=where or None)


def _check(deep: object) -> None:
    """Refuse what no Messages request can be without."""
    if not isinstance(deep, dict):
        raise WrongShapeError("body", "Input should be an object")
    model, most, turns = deep.get("model"), deep.get("max_tokens"), deep.get("messages")
    _require(deep, "model", "a valid string", right=isinstance(model, str))
    if not model:
        raise WrongShapeError("model", "String should have at least 1 character")
    whole = isinstance(most, int) and not isinstance(most, bool)
    _require(deep, "max_tokens", "a valid integer", right=whole)
    if isinstance(most, int) and most < 0:
        raise WrongShapeError("max_tokens", "Input should be greater than or equal to 0")
    _require(deep, "messages", "a valid list", right=isinstance(turns, list))
    if not isinstance(turns, list) or not turns:
        raise WrongShapeError("messages", "at least one message is required")
    for index, turn in enumerate(turns):
        _check_turn(turn, f"messages.{index}")
    if not isinstance(deep.get("stream"), bool | None):
        raise WrongShapeError("stream", "Input should be a valid boolean")


def _check_turn(turn: object, where: str) -> None:
    if not isinstance(turn, dict):
        raise WrongShapeError(where, "Input should be an object")
    if turn.get("role") is None:
        raise WrongShapeError(f"{where}.role", "Field required")
    if turn["role"] not in ROLES:
        raise WrongShapeError(f"{where}.role", "Input should be 'user', 'assistant' or 'system'")


def _require(deep: Mapping[str, Any], name: str, what: str, *, right: bool) -> None:
    if deep.get(name) is None:
        raise WrongShapeError(name, "Field required")
    if not right:
        raise WrongShapeError(name, f"Input should be {what}")
