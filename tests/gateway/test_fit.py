"""Who can do a plain request: asked of each model once, and answered for each target as if it were asked."""

import asyncio
from typing import Any

from halfopen.app.clock import SystemClock
from halfopen.gateway.fit import Fit
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.model import Capabilities, Target
from halfopen.providers.chat import Chat
from halfopen.providers.client import ClientRequest
from halfopen.providers.clients.chat import CHAT
from halfopen.providers.clients.relay import RELAY
from halfopen.providers.clients.relay.request import parse_relayed
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot

TOOLS = Chat(
    b'{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function"}],'
    b'"logprobs":true}',
    "m",
    False,
)
ABLE = Capabilities()
UNABLE = Capabilities(tools=False)

FIRST = Target("a", "m", "openai", ABLE)
ELSEWHERE = Target("b", "m", "openai", ABLE)
WEAKER = Target("b", "m", "openai", UNABLE)
OTHER_MODEL = Target("b", "n", "openai", ABLE)
OTHER_SERVER = Target("c", "m", "openai", ABLE)
OTHER_DIALECT = Target("d", "m", "anthropic", ABLE)
ALL = (FIRST, ELSEWHERE, OTHER_MODEL, WEAKER, OTHER_SERVER, OTHER_DIALECT)


class Asked:
    """Clients of chats, who note of whom it was asked what it can do."""

    name = CHAT.name

    def __init__(self) -> None:
        self.of: list[tuple[str, str]] = []

    def translation(self, dialect: Any, target: Target) -> Any:
        self.of.append((target.provider, target.model))
        return CHAT.translation(dialect, target)


def runtime_of(*targets: Target) -> Runtime:
    specs = {
        name: ProviderSpec(name, dialect, f"http://127.0.0.1:9/{name}", flavour=flavour)
        for name, dialect, flavour in (
            ("a", "openai", None),
            ("b", "openai", None),
            ("c", "openai", "mistral"),
            ("d", "anthropic", None),
        )
    }
    loop = asyncio.new_event_loop()
    surroundings = Surroundings(SystemClock(), lambda: 0.5, lambda: "id", lambda _: None)
    runtime = Runtime(Snapshot(Gateway(), specs, {"m": RouteSpec("m", targets)}), {}, surroundings, loop)
    loop.close()
    return runtime


def fit_of(runtime: Runtime, ask: Any, asked: Any = CHAT) -> Fit:
    return Fit(runtime, runtime.routes["m"], asked, ask)


def test_the_same_model_elsewhere_is_not_asked_again() -> None:
    """A stand-in of the same model and dialect can do what the first one can: nothing is looked at twice."""
    runtime, asked = runtime_of(FIRST, ELSEWHERE), Asked()
    fit = fit_of(runtime, TOOLS, asked)
    assert [fit.unfit(target) for target in (FIRST, ELSEWHERE, FIRST)] == [None, None, None]
    assert asked.of == [("a", "m")]


def test_whoever_differs_is_asked() -> None:
    """By its model, its server or what it can do: each has its own answer, in whatever order they come."""
    runtime = runtime_of(*ALL)
    alone = {target: fit_of(runtime, TOOLS).unfit(target) for target in ALL}
    assert [alone[target] for target in ALL] == [
        None,
        None,
        None,
        "no tools",
        "mistral takes no logprobs",
        "no logprobs",
    ]
    for before in ALL:
        for target in ALL:
            fit = fit_of(runtime, TOOLS)
            assert [fit.unfit(before), fit.unfit(target)] == [alone[before], alone[target]], (before, target)
    asked = Asked()
    fit = fit_of(runtime, TOOLS, asked)
    for target in ALL:
        fit.unfit(target)
    assert asked.of == [(target.provider, target.model) for target in ALL if target is not ELSEWHERE]


def test_what_is_kept_at_the_first_is_not_asked_for_elsewhere() -> None:
    """Although the same model is there."""
    runtime = runtime_of(FIRST, ELSEWHERE)
    ask = parse_relayed(ClientRequest("/v1/files/file-1", {}, {}, b"", "GET"))
    fit = fit_of(runtime, ask, RELAY)
    assert fit.unfit(FIRST) is None
    assert fit.unfit(ELSEWHERE) == "what it names is kept at a"
    assert fit.unfit(FIRST) is None
