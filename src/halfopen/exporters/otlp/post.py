"""Posts to a receiver of OTLP over HTTP. Blocks, so it belongs into a thread of its own."""

import gzip
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 5.0
"""For the connection, and for each wait for a byte."""
ANSWER_MAX_BYTES: Final = 65_536
_COMPRESSED_FROM_BYTES: Final = 1024
_AGAIN: Final = frozenset((408, 429, 502, 503, 504))
"""Statuses after which the same may be sent again, by the specification of OTLP, and 408."""
_CLOSED: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of it."""

    ok: bool
    again: bool = False
    """Whether the same may be sent again."""
    problem: str = ""
    """For a person; empty when it is fine."""
    body: bytes = b""
    """What the receiver answered."""


class Receiver:
    """One receiver, with one connection that is kept. For one thread."""

    def __init__(self, endpoint: str, headers: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> None:
        """Connects later.

        Args:
            endpoint: Its address, without /v1/traces.
            headers: Sent with every request.
            timeout_s: For the connection, and for each wait for a byte.

        Raises:
            ValueError: It is no address.
        """
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{endpoint!r} is no address such as http://127.0.0.1:4318")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._path = parts.path.rstrip("/")
        self._headers = dict(headers)
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context() if self._secure else None
        self._connection: http.client.HTTPConnection | None = None

    def post(self, signal: str, body: bytes) -> Posted:
        """Send a body to a signal's path: traces, metrics or logs."""
        kept = self._connection is not None
        try:
            try:
                return self._try(signal, body)
            except _CLOSED:
                if not kept:
                    raise
                # The far side had closed the connection while nobody used it.
                self.close()
                return self._try(signal, body)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Posted(ok=False, again=True, problem=str(error) or type(error).__name__)
        except UnicodeError as error:  # nor will it be another time
            self.close()
            return Posted(ok=False, problem=f"{self._host} is no name that can be looked up: {error}")

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, signal: str, body: bytes) -> Posted:
        headers = {"Content-Type": "application/x-protobuf", "User-Agent": "halfopen", **self._headers}
        if len(body) >= _COMPRESSED_FROM_BYTES:
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", f"{self._path}/v1/{signal}", body, headers)
        answer = self._connection.getresponse()
        told = answer.read(ANSWER_MAX_BYTES)
        if answer.will_close or not answer.isclosed():
            self.close()
        if 200 <= answer.status < 300:
            return Posted(ok=True, body=told)
        return Posted(ok=False, again=answer.status in _AGAIN, problem=f"it answered {answer.status}")

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._tls)
