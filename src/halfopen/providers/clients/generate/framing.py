"""How the responses of a stream are put on the wire: server-sent events, or one JSON array.

The official client asks for `alt=sse`. It reads lines that begin with `data: `, exactly so, and
takes every other line that is not blank, comments too, for JSON. So events have that one form, and
what keeps a silent connection alive is a blank line. An error is told by an object whose first key
is `error`, and Google writes it bare: as an event, the client for JavaScript would give it to the
application as a response without candidates, after which the stream ends as if it were whole.
"""

from halfopen.http1.sse import SseParser, parse_event


class EventFraming:
    """`alt=sse`: one event a response, with the line ends that Google uses."""

    __slots__ = ()

    content_type = "text/event-stream"

    def response(self, body: bytes) -> bytes:
        """Frame one response."""
        return b"data: " + body + b"\r\n\r\n"

    def error(self, body: bytes) -> bytes:
        """Frame the error that ends a stream: one line that is no event, and no blank line after it.

        A client that does not know the object finds an event that is cut, and never a proper end. The
        line does end, so that it is read even when the connection is cut after it.
        """
        return body + b"\r\n"

    def native(self, raw: bytes) -> bytes:
        """An upstream's event: as it came, if the official client can read it so."""
        ends = raw.endswith((b"\n\n", b"\n\r\n", b"\r\r"))
        if ends and raw.startswith(b"data: {") and not _has_more_lines(raw):
            return raw
        return b"".join(self.response(each) for each in payloads(raw))

    def end(self) -> bytes:
        """The end of the stream: Gemini has no last event but the one with the finishReason."""
        return b""


class ArrayFraming:
    """Without `alt=sse`: the responses are the elements of one JSON array."""

    __slots__ = ("_begun",)

    content_type = "application/json; charset=UTF-8"

    def __init__(self) -> None:
        """The array has not begun."""
        self._begun = False

    def response(self, body: bytes) -> bytes:
        """Frame one response."""
        before = b"\r\n,\r\n" if self._begun else b"["
        self._begun = True
        return before + body

    def error(self, body: bytes) -> bytes:
        """Frame the error that ends a stream: the last element."""
        return self.response(body) + self.end()

    def native(self, raw: bytes) -> bytes:
        """An upstream's event as elements."""
        return b"".join(self.response(each) for each in payloads(raw))

    def end(self) -> bytes:
        """Close the array."""
        return b"\r\n]" if self._begun else b"[]"


Framing = EventFraming | ArrayFraming


def payloads(raw: bytes) -> list[bytes]:
    """The JSON of whole events, each on one line: outside of a string a line break is mere space."""
    parser = SseParser(max_bytes=len(raw) + 2)
    events = [*parser.feed(raw + b"\n\n"), *parser.flush()]
    return [
        event.data.replace(b"\n", b" ")
        for event in events
        if event.data.strip() and event.data.strip() != b"[DONE]"
    ]


def payload(raw: bytes) -> bytes:
    """The JSON of one event; empty when it has none."""
    return parse_event(raw).data


def _has_more_lines(raw: bytes) -> bool:
    body = raw.rstrip(b"\r\n")
    return b"\n" in body or b"\r" in body
