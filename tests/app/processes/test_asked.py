"""What a worker asks of each provider, for the others to know."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from halfopen.app.processes.asked import Asked
from halfopen.gateway.runtime import Runtime, Surroundings
from halfopen.model import Demand
from halfopen.rollout import Configured, configure

TEXT = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
tokens_per_minute = 6000
[providers.free]
dialect = "openai"
base_url = "http://127.0.0.1:9"
[routes.m]
targets = ["p/m", "free/m"]
[routes.n]
targets = ["p/n"]
"""


class Clock:
    def monotonic(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 0.0


class Waiting:
    """A request in line."""

    def on_room(self) -> bool:
        return False

    def on_shed(self, shedding: Any) -> None:
        raise AssertionError(shedding)


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    configured = configure(TEXT, {})
    assert isinstance(configured, Configured)
    loop = asyncio.new_event_loop()
    around = Surroundings(Clock(), lambda: 0.5, lambda: "id", lambda outcome: None)
    yield Runtime(configured.snapshot, configured.secrets, around, loop)
    loop.close()


def call(runtime: Runtime, target: str, tokens: int) -> None:
    """One call goes out."""
    demand = Demand(input_tokens=tokens)
    permit = runtime.known[target].state.admit(100.0, only_choice=True, demand=demand)
    assert not hasattr(permit, "reason"), permit


def test_tokens_a_second(runtime: Runtime) -> None:
    """Of all the provider's targets, since the last look; where no limit is known, nothing is counted."""
    asked = Asked(100.0)
    for target in ("p/m", "p/n", "free/m"):
        call(runtime, target, 99)
    assert asked.rates(runtime, 102.0) == {"p": 100.0, "free": 0.0}
    assert asked.rates(runtime, 103.0) == {"p": 0.0, "free": 0.0}


def test_who_waits_is_counted(runtime: Runtime) -> None:
    """For the first choice, as large as the others have been."""
    asked = Asked(100.0)
    call(runtime, "p/m", 99)
    for _ in range(3):
        assert runtime.relays["m"].line.join(Waiting(), Demand(), 200.0, 100.0) is None
    assert asked.rates(runtime, 101.0)["p"] == 400.0
    assert asked.rates(runtime, 102.0)["p"] == 300.0


def test_another_snapshot_begins_anew(runtime: Runtime) -> None:
    """A count that falls is no demand below nothing."""
    asked = Asked(100.0)
    call(runtime, "p/m", 99)
    asked.rates(runtime, 101.0)
    pacer = runtime.known["p/m"].state.accounts[0].pacer
    pacer.calls, pacer.tokens = 0, 0.0
    assert asked.rates(runtime, 102.0)["p"] == 0.0


def test_shares_reach_the_pacers(runtime: Runtime) -> None:
    """Each provider's share holds for all its targets, those of a later snapshot included."""
    runtime.pace({"p": 0.25})
    states = {name: known.state.accounts[0].pacer.share for name, known in runtime.known.items()}
    assert states["p/m"] == states["p/n"] == 0.25
    assert states["free/m"] == 1.0
    later = Runtime(runtime.snapshot, {}, runtime.surroundings, runtime.loop, before=runtime)
    assert later.pacing_part("p") == 0.25
    assert later.known["p/m"].state.accounts[0].pacer.share == 0.25
