"""Reads what wrappers and SDKs put into the text of an error.

A message may quote what a user wrote, so nothing here searches a message as a whole: names of
exceptions and statuses count only at its beginning, where a wrapper puts them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_CLASS = re.compile(r"(?:\w{1,40}\.){0,4}(\w{0,40}(?:Error|Exception|Timeout))\s{0,4}[:\-]\s{0,4}")
_STATUS = re.compile(
    r"(?:\w{1,40}\s){0,3}(?:error code|status code|status|http(?:/\d(?:\.\d)?)?|api error|error)"
    r"\s?[:=]?\s?\(?([1-5]\d\d)\)?(?!\d)[^\w{\[]{0,8}",
    re.IGNORECASE,
)
_BARE_STATUS = re.compile(r"\(?([45]\d\d)\)?(?=\s{1,4}[A-Z{\[-])[^\w{\[]{0,8}")
_TOKEN = re.compile(
    r"""['"](code|type|status|reason|error_code)['"]\s{0,8}:\s{0,8}"""
    r"""(?:['"]([\w.\- ]{1,80})['"]|(\d{3})(?!\d))"""
)
_MESSAGE = re.compile(
    r"""['"]message['"]\s{0,8}:\s{0,8}(?:"((?:[^"\\]|\\.){1,2000})|'((?:[^'\\]|\\.){1,2000}))"""
)
_DELAY = re.compile(
    r"(?:try again|retry(?:ing)?|available|reset) (?:in|after)[: ]{1,2}"
    r"((?:\d{1,9}(?:\.\d{1,12})?\s?(?:milliseconds?|seconds?|minutes?|hours?|ms|s|m|h)\s?)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,12})?)\s?([a-z]+)", re.IGNORECASE)
_MILLISECONDS = ("ms", "millisecond")
_UNITS_S: Mapping[str, float] = {"s": 1.0, "m": 60.0, "h": 3600.0}
"""By the first letter of a unit that is not milliseconds."""

HEAD_MAX_CHARS = 400
TOKENS_MAX = 12


@dataclass(frozen=True, slots=True)
class Opening:
    """The beginning of a message, taken apart."""

    classes: tuple[str, ...]
    """Names of exceptions, as in `litellm.AuthenticationError: `."""
    status: int | None
    """The status, as in `Error code: 401 - `."""
    rest: str
    """The message without those prefixes."""

    @property
    def wrapped(self) -> bool:
        """Whether there was any such prefix."""
        return bool(self.classes) or self.status is not None


def take_apart(message: str) -> Opening:
    """Strip the prefixes that wrappers put before a message."""
    classes: list[str] = []
    status: int | None = None
    position = 0
    text = message.lstrip()
    while position < HEAD_MAX_CHARS and len(classes) < TOKENS_MAX:
        if (match := _CLASS.match(text, position)) is not None:
            classes.append(match.group(1))
        elif (match := _STATUS.match(text, position) or _BARE_STATUS.match(text, position)) is not None:
            status = int(match.group(1))
        else:
            break
        position = match.end()
    return Opening(tuple(classes), status, text[position:])


def tokens(text: str) -> tuple[tuple[str, str], ...]:
    """Return the identifiers in text that looks like JSON or a Python dict but does not parse."""
    found: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text):
        found.append((match.group(1), match.group(2) or match.group(3)))
        if len(found) == TOKENS_MAX:
            break
    return tuple(found)


def inner_message(text: str) -> str:
    """Return the first `message` in such text; empty: none."""
    match = _MESSAGE.search(text)
    return "" if match is None else (match.group(1) or match.group(2))


def delay_in_prose(message: str) -> float | None:
    """Return the seconds of `Please try again in 6m0s` or `retry after 20 seconds`."""
    match = _DELAY.search(message[:4000])
    if match is None:
        return None
    total = 0.0
    for number, unit in _PART.findall(match.group(1)):
        name = unit.lower()
        scale = 0.001 if name.startswith(_MILLISECONDS) else _UNITS_S[name[0]]
        total += float(number) * scale
    return total
