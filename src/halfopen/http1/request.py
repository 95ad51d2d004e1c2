"""The server's side of HTTP/1.1: bytes in, requests out.

Rules
1. llhttp parses; what it or we find ambiguous is refused, never repaired: both Content-Length and
   Transfer-Encoding, a repeated Content-Length, a Transfer-Encoding other than chunked, no Host.
2. The request line, the headers and the body are bounded, and so is what chunking adds to a body.
   Bytes of an unfinished head count, too.
3. A refusal is a `RefusedError` with the status that says why. After one the parser is done.
4. Pipelined requests come out one after the other; the owner decides when to feed more.
5. An offer to upgrade is passed over, as the protocol allows: some clients offer HTTP/2 with every
   request. Trailers are read and dropped.

Source: RFC 9112, sections 3, 5, 6 and 11.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import httptools

TARGET_MAX_BYTES: Final = 8 * 1024
HEADERS_MAX: Final = 100
_LENGTH_MAX_DIGITS: Final = 18
_CHUNK_OVERHEAD_BYTES: Final = 64
"""What one chunk may cost beside its data, on average; more is an attack by chunk extensions."""


class RefusedError(Exception):
    """A request that is not answered as asked. `status` says why, `message` in words."""

    def __init__(self, status: int, message: str) -> None:
        """An HTTP status (4xx or 5xx) and a sentence."""
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Bounds on one request."""

    header_max_bytes: int = 64 * 1024
    body_max_bytes: int = 32 * 1024 * 1024


class RequestHead:
    """The request line and headers. Header names are lower case."""

    __slots__ = ("headers", "keep_alive", "method", "notes", "target", "version")

    def __init__(
        self,
        *,
        method: str,
        target: bytes,
        version: str,
        headers: list[tuple[bytes, bytes]],
        keep_alive: bool,
    ) -> None:
        """A head as it was parsed."""
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.keep_alive = keep_alive
        self.notes: object = None
        """What its reader has worked out of it. One head may be that of many requests."""

    @property
    def path(self) -> bytes:
        """The target without its query, and without the scheme and host that a proxy's client adds."""
        path = self.target.partition(b"?")[0]
        if path.startswith((b"http://", b"https://")):
            return b"/" + path.partition(b"://")[2].partition(b"/")[2]
        return path

    def header(self, name: bytes) -> bytes | None:
        """The first header of that (lower-case) name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class RequestSink(Protocol):
    """Takes what the parser finds, in order."""

    def on_request_head(self, head: RequestHead) -> None:
        """A head is whole."""

    def on_request_body(self, data: bytes) -> None:
        """A piece of the body."""

    def on_request_end(self) -> None:
        """The request is whole."""


class RequestParser:
    """Parses the requests of one connection."""

    __slots__ = (
        "_begun",
        "_body_bytes",
        "_chunks",
        "_fed_bytes",
        "_head_bytes",
        "_headers",
        "_in_head",
        "_limits",
        "_parser",
        "_raw_left",
        "_sink",
        "_target",
    )

    def __init__(self, sink: RequestSink, limits: RequestLimits) -> None:
        """Gives what it finds to `sink`."""
        self._sink = sink
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._in_head = True
        self._begun = False
        self._head_bytes = 0
        self._fed_bytes = 0
        self._body_bytes = 0
        self._chunks = 0
        self._raw_left: int | None = None
        """Body bytes to come that we count ourselves: llhttp stops at an offer to upgrade."""

    @property
    def between_requests(self) -> bool:
        """Whether no byte of a request is waiting for the rest."""
        return not self._begun

    def feed(self, data: bytes) -> None:
        """Parse. Raises RefusedError."""
        while data:
            data = self._feed_raw(data) if self._raw_left is not None else self._feed_parser(data)

    def _feed_parser(self, data: bytes) -> bytes:
        """Parse; return what is left after an offer to upgrade."""
        self._fed_bytes += len(data)
        rest = b""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as stop:
            # llhttp takes the request for ended. Go on with a new parser where the body begins.
            rest = data[stop.args[0] :]
            self._parser = httptools.HttpRequestParser(self)
            if self._raw_left == 0:
                self._end_raw()
        except httptools.HttpParserError as problem:
            cause = problem.__context__
            if isinstance(cause, RefusedError):
                raise cause from None
            if isinstance(problem, httptools.HttpParserCallbackError):
                raise
            raise RefusedError(400, f"The request is not valid HTTP/1.1: {problem}.") from None
        if self._in_head:
            if self._begun and self._fed_bytes > self._limits.header_max_bytes:
                raise self._head_too_large()
        elif self._overhead_bytes > self._limits.header_max_bytes + self._chunks * _CHUNK_OVERHEAD_BYTES:
            raise RefusedError(400, "The chunks of the request body carry more extensions than data.")
        return rest

    def _feed_raw(self, data: bytes) -> bytes:
        """Take body bytes; return what follows the body."""
        assert self._raw_left is not None
        piece, rest = data[: self._raw_left], data[self._raw_left :]
        self._raw_left -= len(piece)
        self._sink.on_request_body(piece)
        if not self._raw_left:
            self._end_raw()
        return rest

    def _end_raw(self) -> None:
        self._raw_left = None
        self._end()

    @property
    def _overhead_bytes(self) -> int:
        return self._fed_bytes - self._body_bytes

    def _head_too_large(self) -> RefusedError:
        return RefusedError(431, f"The headers are longer than {self._limits.header_max_bytes} bytes.")

    # httptools calls these.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._begun = True
        self._fed_bytes = 0
        self._head_bytes = 0
        self._target = b""
        self._headers = []

    def on_url(self, data: bytes) -> None:
        """Part of the request target."""
        self._target += data
        if len(self._target) > TARGET_MAX_BYTES:
            raise RefusedError(414, f"The request target is longer than {TARGET_MAX_BYTES} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer."""
        if not self._in_head:
            return
        self._headers.append((name.lower(), value.rstrip(b" \t")))
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.header_max_bytes:
            raise self._head_too_large()
        if len(self._headers) > HEADERS_MAX:
            raise RefusedError(431, f"There are more than {HEADERS_MAX} headers.")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._fed_bytes = 0
        self._body_bytes = 0
        self._chunks = 0
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise RefusedError(505, f"HTTP/{version} is not supported; use HTTP/1.1.")
        length = self._check_framing(version)
        if self._parser.should_upgrade():
            self._raw_left = self._pass_over_upgrade(length)
        head = RequestHead(
            method=self._parser.get_method().decode("latin-1"),
            target=self._target,
            version=version,
            headers=self._headers,
            keep_alive=self._parser.should_keep_alive(),
        )
        self._sink.on_request_head(head)

    def on_chunk_header(self) -> None:
        """The size of a chunk."""
        self._chunks += 1

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.body_max_bytes:
            raise RefusedError(413, f"The request body is longer than {self._limits.body_max_bytes} bytes.")
        self._sink.on_request_body(data)

    def on_message_complete(self) -> None:
        """The request is whole, except that llhttp leaves out its body after an offer to upgrade."""
        if self._raw_left is None:
            self._end()

    def _end(self) -> None:
        self._in_head = True
        self._begun = False
        self._fed_bytes = 0
        self._sink.on_request_end()

    def _pass_over_upgrade(self, length: int | None) -> int:
        """The length of the body of a request that offers to upgrade."""
        if self._parser.get_method() == b"CONNECT":
            raise RefusedError(405, "CONNECT is not supported: this is not a forward proxy.")
        if length is None:
            if any(name == b"transfer-encoding" for name, _ in self._headers):
                message = "A chunked request must not ask to upgrade the connection; use plain HTTP/1.1."
                raise RefusedError(400, message)
            return 0
        return length

    def _check_framing(self, version: str) -> int | None:
        """Refuse what is ambiguous or too long; return the Content-Length, if there is one."""
        lengths = hosts = codings = 0
        length: int | None = None
        for name, value in self._headers:
            if name == b"content-length":
                lengths += 1
                if not value.isdigit():
                    raise RefusedError(400, "The Content-Length is not a plain number.")
                length = int(value.lstrip(b"0")[:_LENGTH_MAX_DIGITS] or b"0")
                if length > self._limits.body_max_bytes:
                    limit = self._limits.body_max_bytes
                    raise RefusedError(413, f"The request body is longer than {limit} bytes.")
            elif name == b"transfer-encoding":
                codings += 1
                if value.lower() != b"chunked":
                    raise RefusedError(501, "The only transfer encoding supported is chunked.")
            elif name == b"host":
                hosts += 1
        if lengths > 1 or codings > 1 or (lengths and codings):
            raise RefusedError(400, "The length of the request body is ambiguous.")
        if codings and version == "1.0":
            raise RefusedError(400, "HTTP/1.0 has no transfer encodings.")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            raise RefusedError(400, "The request must have exactly one Host header.")
        return length
