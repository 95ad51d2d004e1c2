"""The head of a response to a client, as bytes."""

from http import HTTPStatus

from halfopen.gateway.responder import Headers

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}


def response_head(status: int, headers: Headers, framing: bytes, connection: bytes) -> bytes:
    """The status line and the headers.

    Args:
        status: Any status of three digits.
        headers: Names and values. What can't stand in a header becomes a blank or a question mark, so
            that a value that somebody else wrote can't add headers of its own.
        framing: The header line that says how long the body is; empty: until the connection ends.
        connection: The header line that says what becomes of the connection; empty: it stays.
    """
    line = _STATUS_LINES.get(status) or f"HTTP/1.1 {status} Unknown\r\n".encode()
    return b"%b%b%b%b\r\n" % (line, header_lines(headers).encode("latin-1", "replace"), framing, connection)


def header_lines(headers: Headers) -> str:
    """Each header as a line. What can't stand in one becomes a blank."""
    return "".join(
        [f"{name}: {value if value.isprintable() else _printable(value)}\r\n" for name, value in headers]
    )


def _printable(value: str) -> str:
    return "".join(character if character.isprintable() else " " for character in value)
