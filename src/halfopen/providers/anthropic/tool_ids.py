"""Ids of tool calls, which must agree between a call and its result."""

import re
from collections.abc import Iterable

_REFUSED = re.compile(r"[^a-zA-Z0-9_-]")


class ToolIds:
    """Gives every tool call of one request an id that Anthropic takes.

    Anthropic takes letters, digits, `_` and `-`, and each id once in a conversation. Other
    providers write ids such as `functions.weather:0` and use them again in every turn, so other
    characters are replaced and a repeated id gets a number. Functions of the legacy form have no
    id: the name stands in.
    """

    __slots__ = ("_latest", "_numbers", "_used")

    def __init__(self, used: Iterable[str] = ()) -> None:
        """`used` are ids that were given before, which no new call gets."""
        self._latest: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        """The number that each repeated id got last, or counting an id that repeats would be quadratic."""
        self._used = set(used)

    def of_call(self, client_id: str) -> str:
        """The id of a new call."""
        clean = _clean(client_id)
        given = clean
        if given in self._used:
            number = self._numbers.get(clean, 1) + 1
            while (given := f"{clean}_{number}") in self._used:
                number += 1
            self._numbers[clean] = number
        self._used.add(given)
        self._latest[client_id] = given
        return given

    def of_result(self, client_id: str) -> str:
        """The id that the latest call of this id was given."""
        return self._latest.get(client_id) or _clean(client_id)


def _clean(client_id: str) -> str:
    return _REFUSED.sub(lambda match: f"_{ord(match[0]):x}_", client_id) or "call"
