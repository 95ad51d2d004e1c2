"""Completion requests, targets and streams for the tests."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Target
from halfopen.providers.catalogue import lookup
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.completions import COMPLETIONS


@pytest.fixture
def parse() -> Callable[..., Any]:
    """Parses a request made of fields, or raw bytes."""

    def parsed(raw: bytes | None = None, **fields: Any) -> Any:
        body = {"model": "gpt-3.5-turbo-instruct", "prompt": "Once upon"} | fields
        return COMPLETIONS.parse(
            ClientRequest("/v1/completions", {}, {}, json.dumps(body).encode() if raw is None else raw)
        )

    return parsed


@pytest.fixture
def make(parse: Any) -> Callable[..., Chat]:
    """Makes a request that must be fine."""

    def made(**fields: Any) -> Chat:
        chat = parse(**fields)
        assert isinstance(chat, Chat), chat
        return chat

    return made


@pytest.fixture
def make_target() -> Callable[..., Target]:
    """Makes a target with what the catalogue knows of it."""

    def made(model: str, dialect: str = "openai") -> Target:
        return Target(dialect, model, dialect, *lookup(dialect, model))

    return made


@pytest.fixture
def sse() -> Callable[..., bytes]:
    """Writes values as server-sent events; bytes as they are."""

    def written(*values: Any) -> bytes:
        return b"".join(
            value if isinstance(value, bytes) else b"data: " + json.dumps(value).encode() + b"\n\n"
            for value in values
        )

    return written


@pytest.fixture
def said() -> Callable[[bytes], list[Any]]:
    """Reads the data of events, JSON decoded, `[DONE]` as text."""

    def read(data: bytes) -> list[Any]:
        lines = [line[6:] for line in data.decode().split("\n") if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    return read
