"""Messages that look like the one before them, and some that only nearly do."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

Header = tuple[bytes, bytes]

LENGTHS = (
    b"+%d",
    b"0%d",
    b"000%d",
    b" %d",
    b"%d ",
    b"\t%d",
    b"%d\t",
    b"%d,%d",
    b"0x%d",
    b"-%d",
    b"%d.0",
    b"%d;",
)
"""Ways to write a length, few of them good."""
ODD = (
    b"",
    b" ",
    b"\t",
    b"a\tb",
    b"\x00",
    b"a\x00b",
    b"\x01",
    b"\x7f",
    b"\x80",
    b"\xe9",
    b"a\rb",
    b"a\nb",
    b"a\r\n b",
    b"a\r\nx: y",
    b" a",
    b"a ",
    b"close",
    b"chunked",
    b"keep-alive, close",
    b"0",
    b"1" * 20,
)
"""Values that a line may have."""
NAMES = (
    b"connection",
    b"Proxy-Connection",
    b"transfer-encoding",
    b"content-length",
    b"Content-Length ",
    b"upgrade",
    b"expect",
    b"trailer",
    b"host",
    b"x-new",
)


def message(start: bytes, headers: Sequence[Header], body: bytes, end: bytes = b"\r\n") -> bytes:
    """A message as bytes."""
    lines = [start, *(name + b": " + value for name, value in headers)]
    return end.join(lines) + end + end + body


def _lined(draw: st.DrawFn, headers: list[Header], place: int) -> None:
    """Change one line of a head; the length is the last."""
    name, value = headers[place]
    length = int(headers[-1][1])
    odd, names = st.one_of(st.sampled_from(ODD), st.binary(max_size=6)), st.sampled_from(NAMES)
    way = draw(st.sampled_from(LENGTHS))
    other = draw(st.integers(0, len(headers) - 1))
    shift = draw(st.sampled_from([-1, 1, 2, 10**13, 10**20]))
    closing = draw(st.sampled_from([b"Connection", b"Proxy-Connection"]))
    ways: dict[str, Callable[[], object]] = {
        "other value": lambda: headers.__setitem__(place, (name, draw(odd))),
        "long value": lambda: headers.__setitem__(place, (name, b"v" * draw(st.integers(1, 200)))),
        "dropped": lambda: headers.pop(place),
        "added": lambda: headers.insert(place, (draw(names), draw(odd))),
        "twice": lambda: headers.insert(place, (name, value)),
        "swapped": lambda: headers.insert(other, headers.pop(place)),
        "recased": lambda: headers.__setitem__(place, (name.swapcase(), value)),
        "renamed": lambda: headers.__setitem__(place, (draw(names), value)),
        "length": lambda: headers.__setitem__(-1, (headers[-1][0], way % ((length,) * way.count(b"%d")))),
        "wrong length": lambda: headers.__setitem__(-1, (headers[-1][0], b"%d" % (length + shift))),
        "closing": lambda: headers.append((closing, b"close")),
    }
    ways[draw(st.sampled_from(sorted(ways)))]()


def _bytewise(draw: st.DrawFn, raw: bytes) -> bytes:
    """Other line ends, or a few other bytes."""
    if draw(st.booleans()):
        end = draw(st.sampled_from([b"\n", b"\r", b"\r\n ", b"\r\r\n"]))
        return raw.replace(b"\r\n", end, draw(st.sampled_from([-1, 1, 2, 3, 4])))
    at = draw(st.integers(0, len(raw)))
    return raw[:at] + draw(st.binary(max_size=2)) + raw[at + draw(st.integers(0, 2)) :]


@st.composite
def near(draw: st.DrawFn, start: bytes, headers: list[Header], body: bytes) -> bytes:
    """The message again, or something that looks like it. `headers` has no length yet."""
    body = draw(st.sampled_from([body, b"", b"x", body + b"+", b"\r\n\r\n", b"z" * 120]))
    headers = [*headers, (b"Content-Length", b"%d" % len(body))]
    way = draw(st.sampled_from(["same"] * 6 + ["lined"] * 4 + ["chunked", "start", "bytes"]))
    if way == "lined":
        _lined(draw, headers, draw(st.integers(0, len(headers) - 1)))
    elif way == "chunked":
        kept = headers[:-1] if draw(st.booleans()) else headers
        headers = [*kept, (b"Transfer-Encoding", b"chunked")]
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    elif way == "start":
        start = draw(st.sampled_from([start.lower(), start + b" ", start.replace(b"1.1", b"1.0"), b""]))
    raw = message(start, headers, body)
    return _bytewise(draw, raw) if way == "bytes" else raw


@st.composite
def cut(draw: st.DrawFn, messages: list[bytes]) -> list[bytes]:
    """The messages in pieces: mostly one each, at times several, at times two in one."""
    pieces: list[bytes] = []
    joined = b""
    for each in messages:
        joined += each
        how = draw(st.sampled_from(["whole"] * 5 + ["cut", "with the next"]))
        if how == "with the next":
            continue
        places = draw(st.lists(st.integers(0, len(joined)), max_size=3)) if how == "cut" else []
        edges = sorted({0, len(joined), *places})
        pieces += [joined[start:end] for start, end in itertools.pairwise(edges)]
        joined = b""
    return [*pieces, joined] if joined else pieces


@dataclass(frozen=True)
class Heads:
    """The builders above, for tests that can't import them."""

    message = staticmethod(message)
    near = staticmethod(near)
    cut = staticmethod(cut)


@pytest.fixture(scope="session")
def heads() -> Heads:
    """Builders of messages."""
    return Heads()
