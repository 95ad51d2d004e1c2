"""Ids of answers and of tool calls, in the form that Anthropic gives and takes back."""

import re

from halfopen.providers.anthropic.tool_ids import ToolIds

_REFUSED = re.compile(r"[^a-zA-Z0-9_-]")
_PREFIXES = ("chatcmpl-", "gen-", "cmpl-")


def message_id(answer_id: str, request_id: str = "") -> str:
    """The id of a message, made of the provider's own where it gave one, else of ours."""
    if answer_id.startswith("msg_"):
        return answer_id
    for prefix in _PREFIXES:
        answer_id = answer_id.removeprefix(prefix)
    return "msg_" + (_REFUSED.sub("", answer_id) or _REFUSED.sub("", request_id) or "unknown")


class CallIds:
    """Gives every tool call of one answer an id that Anthropic takes when it comes back."""

    __slots__ = ("_answer", "_count", "_ids")

    def __init__(self, answer: str) -> None:
        """`answer` is the id of the message, for calls that have none of their own."""
        self._answer = answer.removeprefix("msg_")
        self._ids = ToolIds()
        self._count = 0

    def of(self, call_id: str | None) -> str:
        """The id of the next call."""
        self._count += 1
        return self._ids.of_call(call_id or f"toolu_{self._answer}_{self._count}")
