"""The server's side of HTTP/1.1: bytes in, requests out.

Rules
1. llhttp parses; what it or we find ambiguous is refused, never repaired: both Content-Length and
   Transfer-Encoding, a repeated Content-Length, a Transfer-Encoding other than chunked, no Host.
2. The request line, the headers and the body are bounded. Bytes of an unfinished head count, too.
3. A refusal is a `RefusedError` with the status that says why. After one the parser is done.
4. Pipelined requests come out one after the other; the owner decides when to feed more.

Source: RFC 9112, sections 3, 5, 6 and 11.
"""

from dataclasses import dataclass
from typing import Protocol

import httptools

TARGET_MAX_BYTES = 8 * 1024
HEADERS_MAX = 100


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

    __slots__ = ("headers", "keep_alive", "method", "target", "version")

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

    @property
    def path(self) -> bytes:
        """The target without its query."""
        return self.target.partition(b"?")[0]

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
        "_body_bytes",
        "_head_bytes",
        "_headers",
        "_in_head",
        "_limits",
        "_parser",
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
        self._head_bytes = 0
        self._body_bytes = 0

    @property
    def between_requests(self) -> bool:
        """Whether no byte of a request is waiting for the rest."""
        return self._in_head and self._head_bytes == 0

    def feed(self, data: bytes) -> None:
        """Parse. Raises RefusedError."""
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise RefusedError(400, "Upgrading the connection is not supported.") from None
        except httptools.HttpParserError as problem:
            cause = problem.__context__
            if isinstance(cause, RefusedError):
                raise cause from None
            if isinstance(problem, httptools.HttpParserCallbackError):
                raise
            raise RefusedError(400, f"The request is not valid HTTP/1.1: {problem}.") from None
        if self._in_head and self._head_bytes > self._limits.header_max_bytes:
            raise RefusedError(431, f"The headers are longer than {self._limits.header_max_bytes} bytes.")

    # httptools calls these.

    def on_url(self, data: bytes) -> None:
        """Part of the request target."""
        self._target += data
        if len(self._target) > TARGET_MAX_BYTES:
            raise RefusedError(414, f"The request target is longer than {TARGET_MAX_BYTES} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((name.lower(), value))
        if len(self._headers) > HEADERS_MAX:
            raise RefusedError(431, f"There are more than {HEADERS_MAX} headers.")

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._in_head = False
        self._head_bytes = 0
        self._body_bytes = 0
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise RefusedError(505, f"HTTP/{version} is not supported; use HTTP/1.1.")
        self._check_framing(version)
        head = RequestHead(
            method=self._parser.get_method().decode("latin-1"),
            target=self._target,
            version=version,
            headers=self._headers,
            keep_alive=self._parser.should_keep_alive(),
        )
        self._target = b""
        self._headers = []
        self._sink.on_request_head(head)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.body_max_bytes:
            raise RefusedError(413, f"The request body is longer than {self._limits.body_max_bytes} bytes.")
        self._sink.on_request_body(data)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_head = True
        self._sink.on_request_end()

    def _check_framing(self, version: str) -> None:
        lengths = hosts = codings = 0
        for name, value in self._headers:
            if name == b"content-length":
                lengths += 1
                if value.isdigit() and int(value) > self._limits.body_max_bytes:
                    limit = self._limits.body_max_bytes
                    raise RefusedError(413, f"The request body is longer than {limit} bytes.")
            elif name == b"transfer-encoding":
                codings += 1
                if value.strip().lower() != b"chunked":
                    raise RefusedError(501, "The only transfer encoding supported is chunked.")
            elif name == b"host":
                hosts += 1
        if lengths > 1 or codings > 1 or (lengths and codings):
            raise RefusedError(400, "The length of the request body is ambiguous.")
        if codings and version == "1.0":
            raise RefusedError(400, "HTTP/1.0 has no transfer encodings.")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            raise RefusedError(400, "The request must have exactly one Host header.")
