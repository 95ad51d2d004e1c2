"""Requests of one dialect, translated to another and back. `properties.py` prints the figures.

A client's request becomes a provider's; that is read as if a client of the provider's own dialect had
sent it, and becomes a request to a provider of the first dialect again. After each of the two steps it
must mean what it meant before, but for what is in `LOSSES`.
"""

import itertools
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from neutral_request import Neutral, Written, make, write
from wire_meaning import Meaning, UnreadableError, meaning_of

from halfopen.model import Fault, Target
from halfopen.providers import CHAT, DIALECTS, Call, Chat, ClientDialect, ClientRequest
from halfopen.providers.catalogue import lookup
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.clients.messages import MESSAGES
from halfopen.providers.clients.responses import RESPONSES

CLIENTS: Final[Mapping[str, ClientDialect]] = {
    "chat": CHAT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "generate": GENERATE,
}
OWN: Final = {"chat": "openai", "responses": "openai", "messages": "anthropic", "generate": "gemini"}
"""Who provides each client's own dialect."""
MODELS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai": ("gpt-4o-mini", "gpt-4.1"),
    "anthropic": ("claude-haiku-4-5", "claude-haiku-4-5", "claude-3-opus-20240229", "claude-opus-4-8"),
    "gemini": ("gemini-2.5-flash", "gemini-3-flash-preview"),
}
PAIRS: Final = tuple(itertools.product(CLIENTS, MODELS))


@dataclass(frozen=True)
class Step:
    """One translation: whose request, to whom."""

    client: str
    provider: str
    model: str


@dataclass(frozen=True)
class Loss:
    """What a request loses on its way to a provider, and why."""

    name: str
    reason: str
    applies: Callable[[Step, Meaning], bool]
    lose: Callable[[Step, Meaning], Meaning]
    told: str = ""
    """What `adapted` says of it; empty: the answer doesn't depend on it."""


def _takes_one_of_two(step: Step, asked: Meaning) -> bool:
    both = asked.temperature < 1 and asked.top_p < 1
    return step.provider == "anthropic" and "claude-3" not in step.model and both


_ANTHROPIC_LIMIT: Final = 8192

LOSSES: tuple[Loss, ...] = (
    Loss(
        "one system text",
        "A chat has one text for what a system instruction of Gemini says in several parts: joined by LF.",
        lambda step, asked: step.client == "generate" and step.provider != "gemini" and len(asked.system) > 1,
        lambda _, asked: replace(asked, system=("\n".join(asked.system),)),
    ),
    Loss(
        "a limit is added",
        "Anthropic requires max_tokens: 8192 where the client has no limit (translation-anthropic.md).",
        lambda step, asked: step.provider == "anthropic" and asked.max_tokens is None,
        lambda step, asked: replace(asked, max_tokens=min(_ANTHROPIC_LIMIT, _most_tokens(step))),
    ),
    Loss(
        "temperature is at most 1",
        "Anthropic's temperature ends at 1 (translation-anthropic.md).",
        lambda step, asked: step.provider == "anthropic" and asked.temperature > 1,
        lambda _, asked: replace(asked, temperature=1.0),
        told="temperature is 1, the most there is",
    ),
    Loss(
        "top_p at temperature 0",
        "At temperature 0 there is nothing to choose from: Anthropic isn't sent top_p (translation-anthropic.md).",
        lambda step, asked: (
            step.provider == "anthropic" and step.client != "messages" and asked.temperature == 0
        ),
        lambda _, asked: replace(asked, top_p=1.0),
    ),
    Loss(
        "top_p beside temperature",
        "Newer Claude models take only one of the two (translation-anthropic.md).",
        lambda step, asked: _takes_one_of_two(step, asked) and step.client != "messages",
        lambda _, asked: replace(asked, top_p=1.0),
        told="top_p is left out beside temperature",
    ),
    Loss(
        "one call at a time without calls",
        "Where calls are forbidden, or there are no tools, nothing can be made side by side.",
        lambda step, asked: step.provider != "openai" and (asked.choice == "none" or not asked.tools),
        lambda _, asked: replace(asked, parallel=True),
    ),
)

UNFIT: Final[Mapping[str, str]] = {
    "sampling can't be changed": "Claude from Opus 4.7 on refuses temperature and top_p.",
    "no JSON-schema output": "Claude 3 has none.",
    "Gemini can't take: at most one tool call": "Gemini makes as many calls at once as it likes.",
    "Gemini can't take: tools and JSON output together": "Gemini before 3 refuses them together.",
}
"""Why a target may be passed over, by the beginning of its reason; and why that is right."""


def _most_tokens(step: Step) -> int:
    most = lookup(step.provider, step.model)[0].output_tokens
    return _ANTHROPIC_LIMIT if most is None else most


@dataclass(frozen=True)
class Trip:
    """What became of one request."""

    problem: str | None = None
    passed_over: str | None = None
    """Why the provider can't serve it."""
    losses: tuple[str, ...] = ()


def trip(rng: random.Random, client: str, provider: str) -> tuple[Neutral, Trip]:
    """One request there and back."""
    asked = make(rng, client)
    written = write(rng, client, asked)
    return asked, travel(
        written, client, provider, rng.choice(MODELS[provider]), rng.choice(MODELS[OWN[client]])
    )


def travel(written: Written, client: str, provider: str, there: str, back: str) -> Trip:
    """A client's request to a model of the provider, and back to a model of the client's own dialect."""
    body = json.dumps(written.body).encode()
    losses: list[str] = []
    path, query = written.path, written.query
    before = meaning_of(path, body)
    for there_first in (True, False):
        step = Step(client, provider, there) if there_first else Step(_client_of(path), OWN[client], back)
        call, over = _translated(step, path, query, body)
        if call is None:
            return Trip(**over, losses=tuple(losses))
        expected, told = expected_after(step, before)
        losses += [each.name for each in told]
        try:
            after = meaning_of(call.path, call.body)
        except (UnreadableError, KeyError, ValueError, TypeError) as problem:
            return Trip(f"{step}: can't be read: {type(problem).__name__} {problem}", losses=tuple(losses))
        found = difference(expected, after)
        if found:
            return Trip(f"{step}: {found}", losses=tuple(losses))
        unsaid = [each.name for each in told if each.told and each.told not in over["adapted"]]
        if unsaid:
            return Trip(f"{step}: {unsaid} not told in {over['adapted']}", losses=tuple(losses))
        before, body = after, call.body
        path, _, rest = call.path.partition("?")
        query = {"alt": "sse"} if "alt=sse" in rest else {}
    return Trip(losses=tuple(losses))


def _client_of(path: str) -> str:
    for part, client in (("chat/completions", "chat"), ("responses", "responses"), ("messages", "messages")):
        if part in path:
            return client
    return "generate"


def _translated(
    step: Step, path: str, query: Mapping[str, str], body: bytes
) -> tuple[Call | None, dict[str, Any]]:
    """The provider's request, and what was said of it; None and a `Trip`'s fields: there is none."""
    client, dialect = CLIENTS[step.client], DIALECTS[step.provider]
    ask = client.parse(ClientRequest(path, query, {}, body))
    if isinstance(ask, Fault):
        return None, {"problem": f"{step}: refused: {ask.message}"}
    assert isinstance(ask, Chat)
    if ask.native_only:
        return None, {"problem": f"{step}: native only: {ask.native_only}"}
    target = Target(step.provider, step.model, step.provider, *lookup(step.provider, step.model))
    translation = client.translation(dialect, target)
    reason = translation.unfit(ask, target)
    if reason is not None:
        known = next((each for each in UNFIT if reason.startswith(each)), None)
        return None, {"passed_over": known} if known else {"problem": f"{step}: unfit: {reason}"}
    return translation.call(ask, target, "key"), {"adapted": "; ".join(translation.adapted(ask, target))}


def expected_after(step: Step, before: Meaning) -> tuple[Meaning, list[Loss]]:
    """What is left of a meaning after a step, and which losses there were."""
    told = []
    for loss in LOSSES:
        if loss.applies(step, before):
            after = loss.lose(step, before)
            if after != before:
                told.append(loss)
            before = after
    return before, told


def difference(expected: Meaning, seen: Meaning) -> str | None:
    """The first fields that differ; None: they mean the same."""
    for each in fields(Meaning):
        one, other = getattr(expected, each.name), getattr(seen, each.name)
        if each.compare and one != other:
            return f"{each.name} is {other!r}, expected {one!r}"
    return None
