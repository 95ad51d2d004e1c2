"""The lab's answers as HTTP/1.1 bytes."""

from email.utils import formatdate
from http import HTTPStatus

from halfopen.lab.exchange import Headers, LabAnswer

LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    499: "Client Closed Request",
    520: "Web Server Returned an Unknown Error",
    524: "A Timeout Occurred",
    529: "Overloaded",
}


def reason(status: int) -> str:
    """The reason phrase of a status."""
    return _REASONS.get(status, "Unknown")


def head(status: int, headers: Headers, now: float, version: str = "1.1") -> bytes:
    """A status line and headers with the date, ready for a body."""
    lines = [f"HTTP/{version} {status} {reason(status)}", f"date: {formatdate(now, usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def sized_head(answer: LabAnswer, now: float, size_bytes: int, extra: Headers = ()) -> bytes:
    """The head of an answer whose body has a known size."""
    return head(answer.status, (*answer.headers, *extra, ("content-length", str(size_bytes))), now)


def chunked_head(answer: LabAnswer, now: float, extra: Headers = ()) -> bytes:
    """The head of an answer whose body comes in chunks."""
    return head(answer.status, (*answer.headers, *extra, ("transfer-encoding", "chunked")), now)


def chunk(data: bytes) -> bytes:
    """One chunk; nothing for no data, which would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def body_of(answer: LabAnswer) -> bytes:
    """The whole body, streamed or not."""
    return answer.body if answer.pieces is None else b"".join(piece.data for piece in answer.pieces)


def whole(answer: LabAnswer, now: float) -> bytes:
    """A whole answer: with Content-Length when plain, in chunks when streamed."""
    if answer.pieces is None:
        return sized_head(answer, now, len(answer.body)) + answer.body
    parts = [chunked_head(answer, now), *(chunk(piece.data) for piece in answer.pieces), LAST_CHUNK]
    return b"".join(parts)
