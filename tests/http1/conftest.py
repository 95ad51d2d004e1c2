"""Messages that look like the one before them, and some that only nearly do."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

Header = tuple[bytes, bytes]

LENGTHS = (b"+%d", b"0%d", b"000%d", b" %d", b"%d ", b"\t%d", b"%d\t", b"%d,%d", b"0x%d", b"-%d", b"%d.0", b"%d;")
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


@st.composite
def near(draw: st.DrawFn, start: bytes, headers: list[Header], body: bytes) -> bytes:
    """The message again, or something that looks like it. `headers` has no length yet."""
    body = draw(st.sampled_from([body, b"", b"x", body + b"+", b"\r\n\r\n", b"z" * 120]))
    headers = [*headers, (b"Content-Length", b"%d" % len(body))]
    place = draw(st.integers(0, len(headers) - 1))
    name, value = headers[place]
    match draw(st.sampled_from(_WAYS)):
        case "other value":
            odd = st.one_of(st.sampled_from(ODD), st.binary(max_size=6))
            headers[place] = (name, draw(odd))
        case "long value":
            headers[place] = (name, b"v" * draw(st.integers(1, 200)))
        case "dropped":
            del headers[place]
        case "added":
            odd_name, odd_value = draw(st.sampled_from(NAMES)), draw(st.sampled_from(ODD))
            headers.insert(place, (odd_name, odd_value))
        case "twice":
            headers.insert(place, (name, value))
        case "swapped":
            other = draw(st.integers(0, len(headers) - 1))
            headers[place], headers[other] = headers[other], headers[place]
        case "recased":
            headers[place] = (name.swapcase(), value)
        case "renamed":
            headers[place] = (draw(st.sampled_from(NAMES)), value)
        case "length":
            way = draw(st.sampled_from(LENGTHS))
            headers[-1] = (b"Content-Length", way % ((len(body),) * way.count(b"%d")))
        case "wrong length":
            shift = draw(st.sampled_from([-1, 1, 2, 10**13, 10**20]))
            headers[-1] = (b"Content-Length", b"%d" % (len(body) + shift))
        case "chunked":
            kept = headers[:-1] if draw(st.booleans()) else headers
            headers = [*kept, (b"Transfer-Encoding", b"chunked")]
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        case "closing":
            headers.append((draw(st.sampled_from([b"Connection", b"Proxy-Connection"])), b"close"))
        case "other start":
            start = draw(st.sampled_from([start.lower(), start + b" ", start.replace(b"1.1", b"1.0"), b""]))
        case "bare LF":
            return message(start, headers, body, end=b"\n")
        case "mixed ends":
            raw = message(start, headers, body)
            return raw.replace(b"\r\n", draw(st.sampled_from([b"\n", b"\r", b"\r\n ", b"\r\r\n"])), 1 + place)
        case "byte":
            raw = message(start, headers, body)
            at = draw(st.integers(0, len(raw)))
            gone = draw(st.integers(0, 2))
            return raw[:at] + draw(st.binary(max_size=2)) + raw[at + gone :]
        case _:
            pass
    return message(start, headers, body)


_WAYS = (
    *("same",) * 6,
    "other value",
    "other value",
    "long value",
    "dropped",
    "added",
    "twice",
    "swapped",
    "recased",
    "renamed",
    "length",
    "wrong length",
    "chunked",
    "closing",
    "other start",
    "bare LF",
    "mixed ends",
    "byte",
    "byte",
)


@st.composite
def cut(draw: st.DrawFn, messages: list[bytes]) -> list[bytes]:
    """The messages in pieces: mostly one each, at times several, at times two in one."""
    pieces: list[bytes] = []
    joined = b""
    for each in messages:
        joined += each
        how = draw(st.sampled_from(["whole", "whole", "whole", "cut", "with the next"]))
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
