"""Requests and chunks for the tests of going on."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.providers import Chat, parse_chat


@pytest.fixture(scope="session")
def chat() -> Callable[..., Chat]:
    """Makes a request; a field that is given replaces the usual one."""

    def chat(**fields: Any) -> Chat:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True} | fields
        parsed = parse_chat(json.dumps(body).encode())
        assert isinstance(parsed, Chat)
        return parsed

    return chat


@pytest.fixture(scope="session")
def sse() -> Callable[..., bytes]:
    """Makes a chunk of the first choice as a server-sent event."""

    def sse(delta: Any = None, finish: str | None = None, **more: Any) -> bytes:
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        head = {
            "id": "c2",
            "object": "chat.completion.chunk",
            "created": 7,
            "model": "m2",
            "choices": choices,
        }
        return b"data: " + json.dumps(head | more).encode() + b"\n\n"

    return sse
