"""Requests for embeddings, targets and replies for the tests."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Reply, Target
from halfopen.providers.catalogue import lookup
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.embeddings import EMBEDDINGS
from halfopen.providers.clients.embeddings.request import Embedding


@pytest.fixture
def parse() -> Callable[..., Any]:
    """Parses a request made of fields, or raw bytes."""

    def parsed(raw: bytes | None = None, **fields: Any) -> Any:
        body = {"model": "text-embedding-3-small", "input": "Hi"} | fields
        return EMBEDDINGS.parse(
            ClientRequest("/v1/embeddings", {}, {}, json.dumps(body).encode() if raw is None else raw)
        )

    return parsed


@pytest.fixture
def make(parse: Any) -> Callable[..., Embedding]:
    """Makes a request that must be fine."""

    def made(**fields: Any) -> Embedding:
        ask = parse(**fields)
        assert isinstance(ask, Embedding), ask
        return ask

    return made


@pytest.fixture
def make_target() -> Callable[..., Target]:
    """Makes a target with what the catalogue knows of it."""

    def made(model: str, dialect: str = "openai", provider: str = "") -> Target:
        return Target(provider or dialect, model, dialect, *lookup(dialect, model))

    return made


@pytest.fixture
def reply() -> Callable[..., Reply]:
    """Makes a 200 reply of a value, or of bytes."""

    def made(value: Any, dialect: str = "openai") -> Reply:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return Reply(200, (("content-type", "application/json"),), body, dialect=dialect)

    return made
