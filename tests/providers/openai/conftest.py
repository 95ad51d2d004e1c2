"""Requests and targets for the tests of the OpenAI dialect."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.model import Target
from halfopen.providers import Chat, parse_chat
from halfopen.providers.catalogue import lookup

MakeChat = Callable[..., Chat]
MakeTarget = Callable[[str], Target]


@pytest.fixture
def make_chat() -> MakeChat:
    def make(**fields: Any) -> Chat:
        request = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]} | fields
        chat = parse_chat(json.dumps(request).encode())
        assert isinstance(chat, Chat)
        return chat

    return make


@pytest.fixture
def make_target() -> MakeTarget:
    def make(model: str) -> Target:
        return Target("openai", model, "openai", *lookup("openai", model))

    return make
