"""Asks an ASGI application without a socket."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answered:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def scope_of(
    address: str, *, method: str = "GET", headers: Sequence[tuple[str, str]] = (), client: str = "127.0.0.1"
) -> dict[str, Any]:
    """What a server tells an application of a request."""
    parts = urlsplit(address)
    given = {name.lower(): value for name, value in headers}
    given.setdefault("host", "127.0.0.1:8501")
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": (client, 40_000),
        "server": ("127.0.0.1", 8501),
    }


def ask(app: Any, address: str, *, body: bytes = b"", **how: Any) -> Answered:
    """The whole answer to one request. `how`: see `scope_of`."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope_of(address, **how), receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answered(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))
