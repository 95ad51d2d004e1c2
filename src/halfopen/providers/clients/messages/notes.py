"""What the translation of a request finds out beside the request itself."""

from dataclasses import dataclass, field
from typing import Any


class WrongShapeError(ValueError):
    """A part of the request that Anthropic refuses, too. Caught where the request is parsed.

    `where` is its place in Anthropic's words (`messages.0.content`), `what` is what is wrong with it.
    """

    def __init__(self, where: str, what: str) -> None:
        """Name the place and the problem."""
        super().__init__(f"{where}: {what}")
        self.where = where


@dataclass(slots=True)
class Notes:
    """Collected while one request is translated."""

    native_only: str | None = None
    """The first reason why only Anthropic can serve the request; None: anybody can."""
    dropped: dict[str, None] = field(default_factory=dict)
    """Wishes that other providers can't be told, in the order of the request, each once."""

    def only_native(self, reason: str) -> None:
        """Note that only Anthropic can serve the request; the first reason stays."""
        if self.native_only is None:
            self.native_only = _plain(reason)

    def drop(self, phrase: str) -> None:
        """Note a wish that is lost elsewhere."""
        self.dropped[_plain(phrase)] = None


def text_at(holder: dict[str, Any], name: str, where: str) -> str:
    """A field that must be text.

    Raises:
        WrongShapeError: It is missing, or something else.
    """
    value = holder.get(name)
    if value is None:
        raise WrongShapeError(f"{where}.{name}", "Field required")
    if not isinstance(value, str):
        raise WrongShapeError(f"{where}.{name}", "Input should be a valid string")
    return value


def _plain(text: str) -> str:
    """Fit for a header: a client's own words can be in it."""
    return "".join(each if " " <= each <= "~" else "?" for each in text)[:120]
