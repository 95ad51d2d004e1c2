"""The official openai client, and its errors."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import openai

from halfopen.lab.matrix.seen import CLIENT_TIMEOUT_S, Asker, ErrorEvent, Told, note_request


@asynccontextmanager
async def openai_client(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client of its own, closed at the end."""
    # The lab speaks no TLS: an empty context saves reading the system's certificates for each row.
    http_client = openai.DefaultAsyncHttpxClient(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        event_hooks={"request": [note_request]},
        trust_env=False,
    )
    async with openai.AsyncOpenAI(
        base_url=base_url, api_key="lab", timeout=CLIENT_TIMEOUT_S, http_client=http_client
    ) as client:
        yield client


def openai_told(error: Exception) -> Told:
    """An error of this client in a neutral form."""
    if isinstance(error, ErrorEvent):
        message, code = error.args
        return Told(explicit=True, message=message, code=code)
    body: Any = getattr(error, "body", None)
    body = body if isinstance(body, dict) else {}
    status = error.status_code if isinstance(error, openai.APIStatusError) else None
    explicit = isinstance(error, openai.APIError) and not isinstance(error, openai.APIResponseValidationError)
    native = None
    if explicit and (status is not None or not isinstance(error, openai.APIConnectionError)):
        missing = [name for name in ("message", "type", "param", "code") if name not in body]
        native = f"its error has no {missing[0]}" if missing else None
    return Told(
        explicit, status, body.get("message"), body.get("type"), body.get("code"), body.get("param"), native
    )


class OpenAIAsker(Asker):
    """Asks with this client."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        """Made by `open`."""
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, base_url: str) -> AsyncIterator[Self]:
        """An asker with a client of its own, closed at the end. `base_url` ends in /v1."""
        async with openai_client(base_url) as client:
            yield cls(client)

    def told(self, error: Exception) -> Told:
        """An error of this client in a neutral form."""
        return openai_told(error)
