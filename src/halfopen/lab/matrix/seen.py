"""What an application sees of one question, in a form that is the same for every official client."""

import asyncio
import importlib
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self

CLIENT_TIMEOUT_S = 30.0
CLIENTS = ("chat", "responses", "completions", "messages", "generate")
"""The client dialects that give answers in text."""
EMBEDDINGS = "embeddings"
_MODULE = "halfopen.lab.matrix.askers.{}"


@dataclass(frozen=True, slots=True)
class SeenCall:
    """A tool call as the application gets it."""

    name: str
    arguments: str
    """JSON text."""
    id: str | None = None
    """None: the client's dialect has none, or none was given."""


@dataclass(frozen=True, slots=True)
class Told:
    """An error in a neutral form."""

    explicit: bool
    """Whether the client was told by an error of its own, rather than tripping over what it got."""
    status: int | None = None
    message: str | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    native: str | None = None
    """What is wrong with its shape in the client's own dialect; None: nothing."""


@dataclass(slots=True)
class Seen:
    """All that the client was given for one question, whether it was an answer or not."""

    text: str = ""
    """Of the first choice."""
    more: dict[int, str] = field(default_factory=dict)
    """The texts of the other choices by their number."""
    calls: list[SeenCall] = field(default_factory=list)
    vectors: list[list[float]] = field(default_factory=list)
    """Embeddings."""
    finish: list[str] = field(default_factory=list)
    """The finish reasons that came: stop, length, tool_calls, content_filter, or as they were."""
    usage: tuple[int, int, int] | None = None
    """Tokens: input, output, total."""
    oddities: list[str] = field(default_factory=list)
    """What an answer of the client's own provider never has."""
    error: Exception | None = None
    told: Told | None = None
    """The error, in a neutral form."""
    timed_out: bool = False
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    """HTTP requests that the client sent for it."""
    duration_s: float = 0.0

    def odd(self, what: str) -> None:
        """Note what an answer of the client's own provider never has. Once for each."""
        if what not in self.oddities:
            self.oddities.append(what)


class ErrorEvent(Exception):  # noqa: N818 - an event that a client hands on as a typed object
    """The client's own typed event that says that the answer failed. Raised by no client."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for beyond a text."""

    stream: bool
    tools: Sequence[str] = ()
    """Names of tools, each of which the model has to call."""
    choices: int = 1


TOOL_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
"""The arguments of each tool that is offered."""


def embedded_texts(prompt: str) -> list[str]:
    """The texts whose vectors are asked for."""
    return [prompt, f"{prompt} again"]


_asked: ContextVar[Seen] = ContextVar("asked")
"""The question that a task is asking, so that each HTTP request is counted for its own."""


async def note_request(_: object) -> None:
    """Count an HTTP request. A request hook of the client's HTTP library."""
    _asked.get().requests += 1


class Asker(ABC):
    """One official client as applications have it: its own retries, and a timeout of 30 s."""

    @classmethod
    @abstractmethod
    def open(cls, base_url: str) -> AbstractAsyncContextManager[Self]:
        """An asker with a client of its own, closed at the end. `base_url` ends in /v1."""

    @abstractmethod
    async def fetch(
        self, model: str, prompt: str, wish: Wish, seen: Seen, on_content: Callable[[], object]
    ) -> None:
        """Ask, and note what comes. Raises what the client raises."""

    @abstractmethod
    def told(self, error: Exception) -> Told:
        """An error of `fetch` in a neutral form."""

    async def ask(
        self,
        model: str,
        prompt: str,
        *,
        stream: bool,
        limit_s: float,
        tools: Sequence[str] = (),
        choices: int = 1,
        on_content: Callable[[], object] = bool,
    ) -> Seen:
        """Ask once, and note what comes. Never raises but for a cancellation.

        Args:
            model: The route's name.
            prompt: The question.
            stream: Whether the answer shall be streamed.
            limit_s: Seconds until it counts as endless.
            tools: Names of tools that are offered.
            choices: Answers that are asked for.
            on_content: Told of each piece of a stream that carries a part of the answer.
        """
        seen = Seen()
        _asked.set(seen)
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit_s):
                await self.fetch(model, prompt, Wish(stream, tools, choices), seen, on_content)
        except TimeoutError:
            seen.timed_out = True
        except Exception as problem:  # noqa: BLE001 - whatever it is, the application gets it
            # Without its frames, so that a stream that the client left half read is closed at once.
            seen.error = problem.with_traceback(None)
            seen.told = self.told(problem)
            # A client that gives up waiting has seen no end.
            seen.timed_out = "Timeout" in type(problem).__name__ and seen.told.status is None
            response = getattr(problem, "response", None)
            if seen.told.status is not None and seen.status is None:
                seen.status = seen.told.status
                seen.headers = dict(getattr(response, "headers", None) or {})
        seen.duration_s = time.monotonic() - began
        return seen


@asynccontextmanager
async def asking(base_url: str, client: str = "chat") -> AsyncIterator[Asker]:
    """A client of its own, closed at the end.

    Args:
        base_url: Of the gateway, with /v1 at its end.
        client: One of `CLIENTS`, or embeddings. Only its own package is imported.
    """
    asker: type[Asker] = importlib.import_module(_MODULE.format(client)).ASKER
    async with asker.open(base_url) as opened:
        yield opened
