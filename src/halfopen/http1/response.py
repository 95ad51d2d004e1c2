"""The client's side of HTTP/1.1: bytes in, one response out.

Rules
1. Interim responses (1xx) are passed over; 101 is refused, and so is one with a body.
2. Without Content-Length and chunked coding the body ends with the connection. Whether the answer
   was whole then only its content can tell.
3. A transfer coding other than chunked, or two lengths, is refused.
4. The head is bounded. The body is bounded by the owner, who knows what it is for.
5. A response is only whole when `on_response_end` was called.
6. Bytes that are one whole chunk, as most of a stream's are, need no parser: it stands between two chunks
   before them and after them.

Source: RFC 9112, sections 4, 6 and 8.
"""

from typing import Protocol

import httptools

from halfopen.http1.chunks import whole_chunk

HEAD_MAX_BYTES = 64 * 1024
HEADERS_MAX = 200


class BadResponseError(Exception):
    """The bytes are not a response that can be trusted."""


class ResponseHead:
    """Status and headers of a response."""

    __slots__ = ("close_delimited", "headers", "keep_alive", "status")

    def __init__(
        self, *, status: int, headers: tuple[tuple[str, str], ...], keep_alive: bool, close_delimited: bool
    ) -> None:
        """Header names are lower case; values are decoded as Latin-1."""
        self.status = status
        self.headers = headers
        self.keep_alive = keep_alive
        self.close_delimited = close_delimited

    def header(self, name: str) -> str | None:
        """The first header of that (lower-case) name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class ResponseSink(Protocol):
    """Takes what the parser finds, in order."""

    def on_response_head(self, head: ResponseHead) -> None:
        """The head is whole."""

    def on_response_body(self, data: bytes) -> None:
        """A piece of the body."""

    def on_response_end(self) -> None:
        """The response is whole."""


class ResponseParser:
    """Parses one response. Make a new one for the next."""

    __slots__ = (
        "_between_chunks",
        "_head",
        "_head_bytes",
        "_head_bytes_seen",
        "_headers",
        "_interim",
        "_parser",
        "_sink",
        "ended",
    )

    def __init__(self, sink: ResponseSink) -> None:
        """Gives what it finds to `sink`."""
        self._sink = sink
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._head: ResponseHead | None = None
        self._head_bytes = 0
        """Bytes fed until the head was whole."""
        self._head_bytes_seen = 0
        """Bytes of the headers themselves: a head that comes in one piece is bounded by these."""
        self._interim = False
        self._between_chunks = False
        """Whether the last thing that was parsed is a chunk's end, or a head before chunks."""
        self.ended = False
        """Whether the response is whole."""

    @property
    def started(self) -> bool:
        """Whether any byte has come."""
        return self._head_bytes > 0

    @property
    def has_head(self) -> bool:
        """Whether status and headers have come."""
        return self._head is not None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may carry another request after this response."""
        return self._head is not None and self._head.keep_alive and not self._head.close_delimited

    def feed(self, data: bytes) -> None:
        """Parse. Raises BadResponseError."""
        if self.ended or self._parser is None:
            raise BadResponseError("bytes after the end of the response")
        if self._head is None:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            cause = problem.__context__
            if isinstance(cause, BadResponseError):
                raise cause from None
            if isinstance(problem, httptools.HttpParserCallbackError):
                raise
            raise BadResponseError(f"not a valid HTTP/1.1 response: {problem}") from None
        if self._head is None and self._head_bytes > HEAD_MAX_BYTES:
            raise BadResponseError(f"a response head of more than {HEAD_MAX_BYTES} bytes")
        # A line's end: no byte of the next chunk's size has come.
        self._between_chunks = self._between_chunks and data.endswith(b"\r\n")

    def chunk_of(self, data: bytes) -> bytes | None:
        """What one whole chunk holds, if `data` is that and no more. None: feed it."""
        return whole_chunk(data) if self._between_chunks else None

    def eof(self) -> bool:
        """The connection ended. Returns whether that ended the response properly."""
        if self.ended or self._head is None or not self._head.close_delimited:
            return False
        self.ended = True
        self._sink.on_response_end()
        return True

    # httptools calls these.

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer, which is dropped."""
        if self._head is not None:
            return
        self._head_bytes_seen += len(name) + len(value) + 4
        if self._head_bytes_seen > HEAD_MAX_BYTES:
            raise BadResponseError(f"a response head of more than {HEAD_MAX_BYTES} bytes")
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").rstrip(" \t")))
        if len(self._headers) > HEADERS_MAX:
            raise BadResponseError(f"more than {HEADERS_MAX} headers")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._parser is None:
            raise BadResponseError("a second response to one request")
        status = self._parser.get_status_code()
        headers = tuple(self._headers)
        self._headers = []
        self._interim = 100 <= status < 200
        if self._interim:
            if status == 101:
                raise BadResponseError("the upstream switched protocols unasked")
            return
        if self._head is not None:
            raise BadResponseError("a second response to one request")
        names = [name for name, _ in headers]
        lengths = names.count("content-length")
        codings = [value for name, value in headers if name == "transfer-encoding"]
        chunked = bool(codings)
        if chunked and (len(codings) > 1 or codings[0].lower() != "chunked"):
            raise BadResponseError("a transfer encoding other than chunked")
        if lengths > 1 or (lengths and chunked):
            raise BadResponseError("the length of the response body is ambiguous")
        no_body = status in (204, 304)
        self._head = ResponseHead(
            status=status,
            headers=headers,
            keep_alive=self._parser.should_keep_alive(),
            close_delimited=not (lengths or chunked or no_body),
        )
        self._between_chunks = chunked
        self._sink.on_response_head(self._head)

    def on_chunk_header(self) -> None:
        """A chunk begins, or the last one of size 0."""
        self._between_chunks = False

    def on_chunk_complete(self) -> None:
        """A chunk is whole."""
        self._between_chunks = True

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if self._head is None:
            raise BadResponseError("an interim response with a body")
        self._sink.on_response_body(data)

    def on_message_complete(self) -> None:
        """The response, or an interim one, is whole."""
        self._between_chunks = False
        if not self._interim:
            self.ended = True
            self._parser = None  # it holds this object, as this holds it: both would stay in memory
            self._sink.on_response_end()
