"""What an application sees: one question asked with the official client."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import openai

CLIENT_TIMEOUT_S = 30.0


@dataclass(slots=True)
class Seen:
    """All that the client was given for one question, whether it was an answer or not."""

    text: str = ""
    finish: list[str] = field(default_factory=list)
    """The finish reasons that came."""
    usage: tuple[int, int, int] | None = None
    """Tokens: input, output, total."""
    oddities: list[str] = field(default_factory=list)
    """What an answer of OpenAI's never has."""
    error: Exception | None = None
    timed_out: bool = False
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    """HTTP requests that the client sent for it."""
    duration_s: float = 0.0


_asked: ContextVar[Seen] = ContextVar("asked")
"""The question that a task is asking, so that each HTTP request is counted for its own."""


async def _note_request(_: object) -> None:
    _asked.get().requests += 1


class Asker:
    """The official client as applications have it: its own retries, and a timeout of 30 s."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        """Made by `asking`."""
        self._client = client

    async def ask(
        self,
        model: str,
        prompt: str,
        *,
        stream: bool,
        limit_s: float,
        on_content: Callable[[], object] = bool,
    ) -> Seen:
        """Ask once, and note what comes. Never raises but for a cancellation.

        Args:
            model: The route's name.
            prompt: The question.
            stream: Whether the answer shall be streamed.
            limit_s: Seconds until it counts as endless.
            on_content: Told of each piece of a stream that carries a part of the answer.
        """
        seen = Seen()
        _asked.set(seen)
        began = time.monotonic()
        try:
            async with asyncio.timeout(limit_s):
                if stream:
                    await self._stream(model, prompt, seen, on_content)
                else:
                    await self._plain(model, prompt, seen)
        except TimeoutError:
            seen.timed_out = True
        except openai.APITimeoutError as problem:
            seen.timed_out = True
            seen.error = problem
        except Exception as problem:  # noqa: BLE001 - whatever it is, the application gets it
            seen.error = problem
            if isinstance(problem, openai.APIStatusError):
                seen.status = problem.status_code
                seen.headers = dict(problem.response.headers)
        seen.duration_s = time.monotonic() - began
        return seen

    async def _plain(self, model: str, prompt: str, seen: Seen) -> None:
        raw = await self._client.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": prompt}]
        )
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        answer: Any = raw.parse()  # a broken gateway keeps to no type
        if answer.object != "chat.completion" or not answer.id or not answer.model:
            seen.oddities.append("no chat.completion with id and model")
        if answer.usage is not None:
            usage = answer.usage
            seen.usage = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
        if len(answer.choices or ()) != 1:
            seen.oddities.append(f"{len(answer.choices or ())} choices instead of one")
            return
        choice = answer.choices[0]
        if choice.message.role != "assistant":
            seen.oddities.append(f"a message of role {choice.message.role}")
        seen.text = choice.message.content or ""
        if choice.finish_reason:
            seen.finish.append(choice.finish_reason)

    async def _stream(self, model: str, prompt: str, seen: Seen, on_content: Callable[[], object]) -> None:
        raw = await self._client.chat.completions.with_raw_response.create(
            model=model,
            messages=[{"role": "user", "content": prompt}],
            stream=True,
            stream_options={"include_usage": True},
        )
        seen.status, seen.headers = raw.status_code, dict(raw.headers)
        answer_id = None
        stream = raw.parse()
        async with stream:
            async for chunk in stream:
                _note_chunk(chunk, seen)
                if seen.text:
                    on_content()
                if answer_id not in (None, chunk.id):
                    seen.oddities.append("chunks with different ids")
                answer_id = chunk.id


def _note_chunk(chunk: Any, seen: Seen) -> None:
    if chunk.object != "chat.completion.chunk" or not chunk.id or not chunk.model:
        seen.oddities.append("no chat.completion.chunk with id and model")
    if chunk.usage is not None:
        usage = chunk.usage
        seen.usage = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
        if not seen.finish:
            seen.oddities.append("token counts before the finish")
    for choice in chunk.choices or ():
        if choice.index != 0:
            seen.oddities.append(f"a choice number {choice.index}")
        if seen.finish and (choice.delta.content or choice.finish_reason):
            seen.oddities.append("content or a second finish after the finish")
        seen.text += choice.delta.content or ""
        if choice.finish_reason:
            seen.finish.append(choice.finish_reason)


@asynccontextmanager
async def asking(base_url: str) -> AsyncIterator[Asker]:
    """A client of its own, closed at the end."""
    # The lab speaks no TLS: an empty context saves reading the system's certificates for each row.
    http_client = openai.DefaultAsyncHttpxClient(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        event_hooks={"request": [_note_request]},
        trust_env=False,
    )
    async with openai.AsyncOpenAI(
        base_url=base_url, api_key="lab", timeout=CLIENT_TIMEOUT_S, http_client=http_client
    ) as client:
        yield Asker(client)
