"""Chats, targets and streams for the Gemini tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from halfopen.model import Capabilities, Reply, Target
from halfopen.providers.chat import Chat
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.contract import StreamEvent
from halfopen.providers.gemini import GEMINI

STREAMS = Path(__file__).parents[2] / "contracts" / "streams"


@pytest.fixture(scope="session")
def chat() -> Callable[..., Chat]:
    """Makes a chat; a plain question unless `messages` says otherwise."""

    def make(**fields: Any) -> Chat:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | fields
        parsed = parse_chat(msgspec.json.encode(body))
        assert isinstance(parsed, Chat), parsed
        return parsed

    return make


@pytest.fixture(scope="session")
def target() -> Callable[..., Target]:
    """Makes a target; Gemini 2.5 Flash, able to reason, unless told otherwise."""

    def make(model: str = "gemini-2.5-flash", **capabilities: Any) -> Target:
        able = Capabilities(**({"reasoning": True} | capabilities))
        return Target("google", model, "gemini", able)

    return make


@pytest.fixture(scope="session")
def body(chat: Any, target: Any) -> Callable[..., dict[str, Any]]:
    """Translates a request and returns Gemini's body."""

    def make(model: str = "gemini-2.5-flash", **fields: Any) -> dict[str, Any]:
        asked, goal = chat(**fields), target(model)
        assert GEMINI.unfit(asked, goal) is None
        decoded: dict[str, Any] = msgspec.json.decode(GEMINI.call(asked, goal, "key").body)
        return decoded

    return make


@pytest.fixture(scope="session")
def unfit(chat: Any, target: Any) -> Callable[..., str | None]:
    """Says why a request doesn't fit a model."""

    def make(model: str = "gemini-2.5-flash", **fields: Any) -> str | None:
        return GEMINI.unfit(chat(**fields), target(model))

    return make


@pytest.fixture(scope="session")
def reply() -> Callable[..., Reply]:
    """Makes a 200 reply from a value or from bytes."""

    def make(value: Any, date: str | None = None) -> Reply:
        raw = value if isinstance(value, bytes) else msgspec.json.encode(value)
        headers = (("Content-Type", "application/json"), *((("Date", date),) if date else ()))
        return Reply(200, headers, raw, dialect="gemini")

    return make


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], bytes]:
    """Reads a recorded stream."""
    return lambda name: (STREAMS / f"gemini_{name}.txt").read_bytes()


@pytest.fixture(scope="session")
def read(chat: Any, target: Any) -> Callable[..., list[StreamEvent]]:
    """Feeds bytes to a new reader, in pieces of `step` bytes, and closes it."""

    def make(data: bytes, step: int = 1 << 20, *, close: bool = True, **fields: Any) -> list[StreamEvent]:
        reader = GEMINI.reader(chat(stream=True, **fields), target())
        events = [each for at in range(0, len(data), step) for each in reader.feed(data[at : at + step])]
        return events + (reader.close() if close else [])

    return make
