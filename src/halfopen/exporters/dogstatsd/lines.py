"""One metric or event as a line of DogStatsD."""

import re
from collections.abc import Iterable
from typing import Final

Tags = Iterable[tuple[str, str]]
TAG_MAX_CHARS: Final = 200
"""Of a tag, key and value together: Datadog cuts it there."""
TITLE_MAX_BYTES: Final = 200
TEXT_MAX_BYTES: Final = 900
"""So that an event fits into one datagram."""
_UNFIT_NAME: Final = re.compile(r"[^A-Za-z0-9_.]")
_UNFIT_TAG: Final = re.compile(r"[\x00-\x1f\x7f|,#@]")
"""What ends a tag or the line. A colon may stand in a value: the first one of a tag parts it."""


def count(name: str, value: float, tags: Tags) -> str:
    """So many more since the last time."""
    return _line(name, _number(value), "c", tags)


def gauge(name: str, value: float, tags: Tags) -> str:
    """What it is now."""
    return _line(name, _number(value), "g", tags)


def distribution(name: str, value: float, number: int, tags: Tags) -> str:
    """`number` measurements of one value: one that is said to be a sample of so many."""
    rate = "" if number == 1 else f"|@{1.0 / number:.12f}"
    return _line(name, _number(value), f"d{rate}", tags)


def event(title: str, text: str, kind: str, key: str, tags: Tags) -> str:
    """Something that has happened.

    Args:
        title: A few words.
        text: More of them.
        kind: error, warning, success or info.
        key: Events with the same one belong together.
        tags: Of the event.
    """
    told = _escaped(title, TITLE_MAX_BYTES) or "halfopen"
    more = _escaped(text, TEXT_MAX_BYTES)
    sizes = f"{len(told.encode())},{len(more.encode())}"
    return f"_e{{{sizes}}}:{told}|{more}|k:{_tag(key)}|s:halfopen|t:{kind}{_tagged(tags)}"


def _line(name: str, value: str, kind: str, tags: Tags) -> str:
    return f"{_UNFIT_NAME.sub('_', name)}:{value}|{kind}{_tagged(tags)}"


def _number(value: float) -> str:
    """Without an exponent, which not every receiver reads."""
    if isinstance(value, int):
        return str(value)
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _tagged(tags: Tags) -> str:
    told = [_tag(f"{key.replace(':', '_')}:{value}")[:TAG_MAX_CHARS] for key, value in tags if value]
    return f"|#{','.join(told)}" if told else ""


def _tag(text: str) -> str:
    return _UNFIT_TAG.sub("_", text.encode("utf-8", "replace").decode())


def _escaped(text: str, most_bytes: int) -> str:
    """A line's end is written as two letters. A bar is allowed: the sizes say where a text ends."""
    plain = text.encode("utf-8", "replace").decode().replace("\r", "").replace("\n", "\\n")
    return plain.encode()[:most_bytes].decode(errors="ignore").removesuffix("\\")
