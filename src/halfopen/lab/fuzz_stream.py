"""Streams of server-sent events spoiled and cut, each from a random source: what an upstream may send."""

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Final


def cut_places(rng: random.Random, raw: bytes) -> tuple[int, ...]:
    """Where pieces end: anywhere, everywhere, or where a parser is most likely to stumble."""
    if not raw:
        return ()
    how = rng.randrange(4)
    if how == 0:
        return tuple(sorted(rng.randrange(len(raw) + 1) for _ in range(rng.randrange(12))))
    if how == 1:
        size = rng.choice((1, 1, 2, 3, 7, 64, 1460))
        return tuple(range(size, len(raw), size))
    places = list(_delicate(raw))
    if how == 2 or not places:
        return tuple(places)
    return tuple(sorted(rng.sample(places, rng.randrange(1, min(len(places), 16) + 1))))


def _delicate(raw: bytes) -> Iterator[int]:
    """Inside characters, before and after every line end, and inside CRLF."""
    for place in range(1, len(raw)):
        before, after = raw[place - 1], raw[place]
        if 0x80 <= after < 0xC0 or before in b"\r\n" or after in b"\r\n":
            yield place


Spoiler = Callable[[random.Random, bytes], bytes]


def whole_events(raw: bytes) -> list[bytes]:
    """The events of a recording, each with its blank line."""
    end = b"\r\n\r\n" if b"\r\n\r\n" in raw else b"\n\n"
    return [each + end for each in raw.split(end) if each]


def _truncated(rng: random.Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def _flipped(rng: random.Random, raw: bytes) -> bytes:
    if not raw:
        return raw
    place = rng.randrange(len(raw))
    return raw[:place] + bytes([raw[place] ^ (1 << rng.randrange(8))]) + raw[place + 1 :]


def _duplicated(rng: random.Random, raw: bytes) -> bytes:
    events = whole_events(raw)
    if events:
        place = rng.randrange(len(events))
        events.insert(rng.randrange(place, len(events)) + 1, events[place])
    return b"".join(events)


def _dropped(rng: random.Random, raw: bytes) -> bytes:
    events = whole_events(raw)
    if events:
        del events[rng.randrange(len(events))]
    return b"".join(events)


def _swapped(rng: random.Random, raw: bytes) -> bytes:
    events = whole_events(raw)
    if len(events) > 1:
        place = rng.randrange(len(events) - 1)
        events[place], events[place + 1] = events[place + 1], events[place]
    return b"".join(events)


_STRANGE: Final = (
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b"event: keepalive\n\n",
    b"data\n\n",
    b"data:\n\n",
    b"id: 7\nretry: 100\n\n",
    b"data: [DONE]\n\n",
    b"data: null\n\n",
    b"data: {}\n\n",
    b"data: []\n\n",
    b'data: {"choices": 7}\n\n',
    b'data: {"candidates": [7]}\n\n',
    b'data: {"type": "content_block_delta", "index": 7, "delta": {}}\n\n',
    b'data: {"type": "response.output_text.delta", "delta": 7}\n\n',
    b'data: {"choices": [{"index": 1, "delta": {"content": "\\ud83d"}}]}\n\n',
    b"data: " + b"[" * 3000 + b"\n\n",
    b'data: {"error": {"message": "\xe9\xff", "type": "server_error"}}\n\n',
    b"event: error\ndata: overloaded\n\n",
    b'{"error": {"message": "no", "code": 500}}\n\n',
    b"<html>502</html>\n\n",
    b"\x00\x00\x00\n\n",
    b"\xff\xfe\n\n",
)


def _strange(rng: random.Random, raw: bytes) -> bytes:
    events = whole_events(raw)
    events.insert(rng.randrange(len(events) + 1), rng.choice(_STRANGE))
    return b"".join(events)


def _split_data(rng: random.Random, raw: bytes) -> bytes:
    """One JSON on two data lines: outside of a string the line break between them is blank space."""
    events = whole_events(raw)
    if events:
        place = rng.randrange(len(events))
        events[place] = events[place].replace(b'{"', b'{\ndata: "', 1)
    return b"".join(events)


def _no_last_line(rng: random.Random, raw: bytes) -> bytes:
    del rng
    return raw.rstrip(b"\r\n")


def _odd_value(rng: random.Random, raw: bytes) -> bytes:
    """A number, a string or a literal that is another."""
    old, new = rng.choice(
        (
            (b":0", b":-1"),
            (b":0", b":1e999"),
            (b":0", b':"0"'),
            (b":null", b":{}"),
            (b":null", b":7"),
            (b'":"', b'":[],"x":"'),
            (b'":{', b'":null,"x":{'),
            (b'":[', b'":{},"x":['),
            (b"index", b"INDEX"),
            (b"1", b"9" * 40),
        )
    )
    places = [place for place in range(len(raw)) if raw.startswith(old, place)]
    if not places:
        return raw
    place = rng.choice(places)
    return raw[:place] + new + raw[place + len(old) :]


SPOILERS: Final[Mapping[str, Spoiler]] = {
    "truncated": _truncated,
    "a bit flipped": _flipped,
    "an event twice": _duplicated,
    "an event left out": _dropped,
    "two events changed places": _swapped,
    "something strange": _strange,
    "data on two lines": _split_data,
    "last line end left out": _no_last_line,
    "another value": _odd_value,
}


# Changes that change nothing.


def _with_ends(raw: bytes, choose: Callable[[], bytes]) -> bytes:
    lines = raw.replace(b"\r\n", b"\n").split(b"\n")
    return b"".join(line + choose() for line in lines[:-1]) + lines[-1]


def _mixed(rng: random.Random, raw: bytes) -> bytes:
    """Each line its own end. After a CR no LF line may be blank, or the two would be one CRLF."""
    last = b""

    def choose() -> bytes:
        nonlocal last
        last = rng.choice((b"\n", b"\r\n", b"\r"))
        return last

    made = []
    for line in raw.replace(b"\r\n", b"\n").split(b"\n")[:-1]:
        before = last
        end = choose()
        if not line and before == b"\r" and end == b"\n":
            end = last = b"\r"
        made.append(line + end)
    return b"".join(made)


LINE_ENDS: Final[Mapping[str, Spoiler]] = {
    "as they are": lambda _, raw: raw,
    "LF": lambda _, raw: _with_ends(raw, lambda: b"\n"),
    "CRLF": lambda _, raw: _with_ends(raw, lambda: b"\r\n"),
    "CR": lambda _, raw: _with_ends(raw, lambda: b"\r"),
    "mixed line ends": _mixed,
}


def _commented(rng: random.Random, raw: bytes) -> bytes:
    events = whole_events(raw)
    for _ in range(rng.randrange(1, 4)):
        comment = rng.choice((b": ping\n\n", b":\n\n", b": a\n: b\n\n", b"\n\n", ": é\n\n".encode()))
        # Behind the last event a stream may be over: what comes then is not read any more.
        events.insert(rng.randrange(max(1, len(events))), comment)
    return b"".join(events)


def harmless(rng: random.Random, raw: bytes) -> tuple[str, bytes]:
    """The stream in other words that say the same; only of a recording that was not spoiled."""
    how = rng.choice((*LINE_ENDS, "byte order mark", "comments", "comments"))
    if how == "byte order mark":
        return how, b"\xef\xbb\xbf" + raw
    if how == "comments":
        return how, _commented(rng, raw)
    return how, LINE_ENDS[how](rng, raw)
