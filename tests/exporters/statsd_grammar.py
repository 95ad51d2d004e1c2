"""The grammar of DogStatsD's datagrams, read strictly, by the protocol's description and nothing else.

    datagram := message *(LF message)
    metric   := name ":" value *(":" value) "|" type ["|@" rate] ["|#" tag *("," tag)]
    event    := "_e{" title-bytes "," text-bytes "}:" title "|" text *("|" field)

A name begins with a letter and has letters, digits, `_` and `.`, 200 of them at most. A value is a decimal
number without an exponent. A rate is above 0 and at most 1, for c, h, ms and d only.
"""

import re
from dataclasses import dataclass, field

DATAGRAM_MAX_BYTES = 1432
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,199}", re.ASCII)
VALUE = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
TAG = re.compile(r"[^\x00-\x1f\x7f|,@#]{1,200}")
KINDS = ("c", "g", "h", "ms", "s", "d")
RATED = ("c", "h", "ms", "d")
EVENT = re.compile(rb"_e\{(\d+),(\d+)\}:")
FIELDS = ("d:", "h:", "k:", "p:", "s:", "t:", "#")
ALERTS = ("error", "warning", "info", "success")


class MalformedError(Exception):
    """It is no datagram of DogStatsD. Its text says why."""


@dataclass(frozen=True)
class Metric:
    """One metric."""

    name: str
    kind: str
    values: tuple[float, ...]
    rate: float
    tags: dict[str, str]


@dataclass(frozen=True)
class Event:
    """One event."""

    title: str
    text: str
    fields: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)


def parse(datagram: bytes) -> list[Metric | Event]:
    """Every message of a datagram. Raises MalformedError."""
    if not datagram:
        raise MalformedError("it is empty")
    if len(datagram) > DATAGRAM_MAX_BYTES:
        raise MalformedError(f"{len(datagram)} bytes are more than one frame takes")
    return [_event(line) if line.startswith(b"_e") else _metric(line) for line in datagram.split(b"\n")]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise MalformedError(f"no UTF-8: {data!r}") from None


def _metric(line: bytes) -> Metric:
    head, *rest = _text(line).split("|")
    name, colon, told = head.partition(":")
    if not colon or not NAME.fullmatch(name):
        raise MalformedError(f"no name: {line!r}")
    values = told.split(":")
    if not all(VALUE.fullmatch(value) for value in values):
        raise MalformedError(f"no value: {line!r}")
    if not rest or rest[0] not in KINDS:
        raise MalformedError(f"no type: {line!r}")
    kind, rate, tags = rest[0], 1.0, {}
    order = 0
    for part in rest[1:]:
        if part.startswith("@") and order < 1:
            order, rate = 1, _rate(part[1:], kind)
        elif part.startswith("#") and order < 2:
            order, tags = 2, _tags(part[1:])
        else:
            raise MalformedError(f"out of order or unknown: {part!r} in {line!r}")
    return Metric(name, kind, tuple(map(float, values)), rate, tags)


def _rate(text: str, kind: str) -> float:
    if kind not in RATED:
        raise MalformedError(f"a {kind} has no rate")
    if not VALUE.fullmatch(text) or not 0.0 < float(text) <= 1.0:
        raise MalformedError(f"no rate: {text!r}")
    return float(text)


def _tags(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in text.split(","):
        if not TAG.fullmatch(tag):
            raise MalformedError(f"no tag: {tag!r}")
        key, _, value = tag.partition(":")
        if key in found:
            raise MalformedError(f"the tag {key!r} is there twice")
        found[key] = value
    return found


def _event(line: bytes) -> Event:
    head = EVENT.match(line)
    if head is None:
        raise MalformedError(f"no event: {line!r}")
    title_bytes, text_bytes = int(head[1]), int(head[2])
    rest = line[head.end() :]
    title, bar, rest = rest[:title_bytes], rest[title_bytes : title_bytes + 1], rest[title_bytes + 1 :]
    text, rest = rest[:text_bytes], rest[text_bytes:]
    if not title or bar != b"|" or len(text) != text_bytes:
        raise MalformedError(f"the sizes are wrong: {line!r}")
    fields: dict[str, str] = {}
    tags: dict[str, str] = {}
    if rest and not rest.startswith(b"|"):
        raise MalformedError(f"the text's size is wrong: {line!r}")
    for part in _text(rest).split("|")[1:]:
        kind = next((each for each in FIELDS if part.startswith(each)), None)
        if kind is None or kind in fields or len(part) == len(kind):
            raise MalformedError(f"no field: {part!r}")
        fields[kind] = part[len(kind) :]
        if kind == "#":
            tags = _tags(fields.pop("#"))
    if fields.get("t:", "info") not in ALERTS:
        raise MalformedError(f"no alert type: {fields['t:']!r}")
    return Event(_text(title), _text(text), fields, tags)
