"""Ids of answers and of tool calls, in the form that Anthropic gives and takes back."""

import re

import msgspec

from halfopen.providers.anthropic.tool_ids import ToolIds
from halfopen.providers.ask import Ask

_REFUSED = re.compile(r"[^a-zA-Z0-9_-]")
_PREFIXES = ("chatcmpl-", "gen-", "cmpl-")


class _Call(msgspec.Struct, frozen=True):
    id: str | None = None


class _Message(msgspec.Struct, frozen=True):
    tool_calls: list[_Call] | None = None


_MESSAGES = msgspec.json.Decoder(list[_Message])


def message_id(answer_id: str, request_id: str = "") -> str:
    """The id of a message, made of the provider's own where it gave one, else of ours."""
    if answer_id.startswith("msg_"):
        return answer_id
    for prefix in _PREFIXES:
        answer_id = answer_id.removeprefix(prefix)
    return "msg_" + (_REFUSED.sub("", answer_id) or _REFUSED.sub("", request_id) or "unknown")


class CallIds:
    """Gives every tool call of one answer an id that Anthropic takes when it comes back.

    Some servers begin anew in every answer (`call_0`), and Anthropic takes an id once in a
    conversation: one that the request has already gets a number.
    """

    __slots__ = ("_answer", "_ask", "_count", "_ids")

    def __init__(self, answer: str, ask: Ask) -> None:
        """`answer` is the id of the message, for calls that have none; `ask` is the request, as a chat."""
        self._answer = answer.removeprefix("msg_")
        self._ask = ask
        self._ids: ToolIds | None = None
        self._count = 0

    def of(self, call_id: str | None) -> str:
        """The id of the next call."""
        self._count += 1
        if self._ids is None:  # most answers call nothing, so the conversation needn't be read
            self._ids = ToolIds(_ids_in(self._ask))
        return self._ids.of_call(call_id or f"toolu_{self._answer}_{self._count}")


def _ids_in(ask: Ask) -> list[str]:
    """The ids of the tool calls in a conversation."""
    try:
        messages = _MESSAGES.decode(ask.fields.get("messages", b"[]"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [call.id for message in messages for call in message.tool_calls or () if call.id]
