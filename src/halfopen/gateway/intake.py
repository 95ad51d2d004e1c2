"""One client's requests on their way in: bytes come, whole requests wait until they are taken.

A head that came before is known by its bytes, which spares parsing it: see `http1.known_request`.
Bounded: a body by the parser, what waits by number and by the size of one body.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from halfopen.http1 import KnownHead, RefusedError, RequestHead, RequestLimits, RequestParser, learn_request

PIPELINED_MAX: Final = 8
"""Requests that may wait for the answer to the one before them."""


class Intake:
    """Puts requests together, and keeps those that came before their turn. The sink of a parser."""

    __slots__ = (
        "_body",
        "_expects",
        "_known",
        "_latest",
        "_limits",
        "_next_limits",
        "_on_head",
        "_on_request",
        "_parser",
        "_reading",
        "_waiting",
    )

    def __init__(
        self, limits: RequestLimits, on_head: Callable[[], None], on_request: Callable[[], None]
    ) -> None:
        """`on_head` is told when a request has begun, `on_request` when one is there to be taken."""
        self._limits = limits
        self._next_limits: RequestLimits | None = None
        """Those of the next request."""
        self._on_head = on_head
        self._on_request = on_request
        self._parser = RequestParser(self, limits)
        self._reading: RequestHead | None = None
        self._known: KnownHead | None = None
        """The head of an earlier request that came whole in one piece."""
        self._latest: RequestHead | None = None
        """That of the request that has just come."""
        # One growing buffer: a list of tiny chunks would cost many times their size.
        self._body: bytes | bytearray = b""
        self._expects = False
        self._waiting: deque[tuple[RequestHead, bytes]] = deque()

    def __len__(self) -> int:
        """Whole requests that wait."""
        return len(self._waiting)

    @property
    def is_partial(self) -> bool:
        """Whether a part of a request has come."""
        return self._reading is not None or not self._parser.between_requests

    @property
    def is_reading(self) -> bool:
        """Whether a request's head has come, and not yet all of its body."""
        return self._reading is not None

    def limit(self, limits: RequestLimits) -> None:
        """Keep to these bounds from the next request on; one that has begun keeps those that it has."""
        self._next_limits = limits

    def feed(self, data: bytes) -> None:
        """Take bytes. Raises RefusedError; then no more may come."""
        quiet = not self._waiting and self._reading is None and self._parser.between_requests
        if quiet and self._next_limits is not None:
            self._limits, self._next_limits = self._next_limits, None
            self._parser, self._known = RequestParser(self, self._limits), None
        if quiet and self._known is not None:
            body = self._known.body_of(data, self._limits.body_max_bytes)
            if body is not None:
                self._waiting.append((self._known.head, body))
                self._on_request()
                return
        self._parser.feed(data)
        latest, self._latest = self._latest, None
        if quiet and latest is not None:
            self._known = learn_request(data, latest, self._limits.header_max_bytes)

    def take(self) -> tuple[RequestHead, bytes]:
        """The next request. Only when there is one."""
        return self._waiting.popleft()

    def drop(self) -> None:
        """Forget everything: nobody will answer."""
        self._reading = None
        self._body = b""
        self._expects = False
        self._waiting.clear()

    def drop_partial(self) -> None:
        """Forget the request that is not whole; those that wait stay."""
        self._reading = None
        self._body = b""
        self._expects = False

    def take_expectation(self) -> bool:
        """Whether the client waits for 100 Continue before it sends the body. True only once."""
        expects, self._expects = self._expects, False
        return expects

    # The parser calls these.

    def on_request_head(self, head: RequestHead) -> None:
        """A request has begun."""
        self._reading = head
        self._body = b""
        expect = head.header(b"expect")
        self._expects = expect is not None and expect.lower() == b"100-continue" and head.version == "1.1"
        self._on_head()

    def on_request_body(self, data: bytes) -> None:
        """A piece of its body."""
        self._expects = False
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body)
            self._body += data

    def on_request_end(self) -> None:
        """The request is whole."""
        head, self._reading = self._reading, None
        assert head is not None
        body = bytes(self._body)
        self._latest = head
        self._body = b""
        self._expects = False
        waiting_bytes = sum(len(each) for _, each in self._waiting)
        if len(self._waiting) >= PIPELINED_MAX or waiting_bytes > self._limits.body_max_bytes:
            raise RefusedError(429, f"More than {PIPELINED_MAX} requests were sent without waiting.")
        self._waiting.append((head, body))
        self._on_request()
