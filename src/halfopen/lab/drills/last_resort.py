"""The primary answers 500 and the last target is a real model on this machine: chats are completed.

Needs the extra `local`. The packaged model is small and rambles, so that it answers is proved, not what.
"""

import asyncio
import time
from contextlib import suppress
from typing import Any

import openai

from halfopen.lab.drills.figure import DrillReport, Figure, proportion, quantile
from halfopen.lab.drills.process import gateway_process
from halfopen.lab.matrix.case import MODELS
from halfopen.lab.server import LabProvider

FAULT = "openai_500_server_error"
CHATS = 10
_TOKENS = 24
_LIMIT_S = 60.0
_LOADING_S = 90.0
_PAUSE_S = 0.25
_SETTINGS = "[providers.local]\nlocal = true\n"


async def drill(count: int | None = None) -> DrillReport:
    """Hold `count` chats (default 10) plain, and as many streamed."""
    chats = count or CHATS
    async with LabProvider("openai") as primary:
        primary.set_fault(FAULT)
        async with (
            gateway_process((primary,), _SETTINGS, more_targets=("local/gemma",)) as base_url,
            openai.AsyncOpenAI(base_url=base_url, api_key="lab", timeout=_LIMIT_S, max_retries=0) as client,
        ):
            loaded_s = await _loaded(client)
            plain = [await _timed(_plain(client, number)) for number in range(chats)]
            streamed = [await _timed(_streamed(client, number)) for number in range(chats)]
    results = {"plain": plain, "stream": streamed}
    figures = [Figure("time until the model answered", loaded_s, "s", 1)]
    failures = []
    for mode, seen in results.items():
        wrong = [f"{mode} {number}: {problem}" for number, (problem, _) in enumerate(seen) if problem]
        failures += wrong
        figures.append(proportion(f"{mode}: complete answers of the model", chats - len(wrong), chats))
        median = quantile([took_s for _, took_s in seen], 0.5)
        figures.append(Figure(f"{mode}: median time", median, "s", chats))
    return DrillReport("last-resort", tuple(figures), tuple(failures))


async def _loaded(client: openai.AsyncOpenAI) -> float:
    """Seconds until the first answer. A model that never loads shows in the chats that follow."""
    began = time.monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOADING_S):
            for _ in range(int(_LOADING_S / _PAUSE_S)):
                if await _plain(client, 0) is None:
                    break
                await asyncio.sleep(_PAUSE_S)
    return time.monotonic() - began


async def _timed(chat: Any) -> tuple[str | None, float]:
    began = time.monotonic()
    problem = await chat
    return problem, time.monotonic() - began


def _asked(number: int) -> dict[str, Any]:
    question = f"Tell me in one sentence what the number {number} is good for."
    messages = [{"role": "user", "content": question}]
    return {"model": MODELS["openai"], "messages": messages, "max_tokens": _TOKENS}


async def _plain(client: openai.AsyncOpenAI, number: int) -> str | None:
    """What was wrong with a plain chat; None: it was completed by the model."""
    try:
        raw = await client.chat.completions.with_raw_response.create(**_asked(number))
    except openai.APIError as error:
        return f"{type(error).__name__}: {error}"
    choice = raw.parse().choices[0]
    served_by = raw.headers.get("x-halfopen-upstream")
    return _problem(choice.message.content or "", choice.finish_reason, served_by)


async def _streamed(client: openai.AsyncOpenAI, number: int) -> str | None:
    """What was wrong with a streamed chat."""
    text, finish = "", None
    try:
        raw = await client.chat.completions.with_raw_response.create(**_asked(number), stream=True)
        async for chunk in raw.parse():
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
    except openai.APIError as error:
        return f"{type(error).__name__}: {error}"
    return _problem(text, finish, raw.headers.get("x-halfopen-upstream"))


def _problem(text: str, finish: str | None, served_by: str | None) -> str | None:
    if served_by != "local/gemma":
        return f"served by {served_by}"
    if not text.strip():
        return "an empty answer"
    return None if finish in ("stop", "length") else f"finish reason {finish}"
