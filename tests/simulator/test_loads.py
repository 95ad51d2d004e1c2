"""Open and closed loops beside each other, and what is left of an answer when its server falls over."""

import random

import pytest

from halfopen.simulator.report import Report
from halfopen.simulator.run import simulate
from halfopen.simulator.scenario import ClientSpec, Phase, Scenario, UpstreamSpec
from halfopen.simulator.strategies import STRATEGIES


def ran(
    clients: ClientSpec, *upstreams: UpstreamSpec, duration_s: float = 60.0, policy: str = "none"
) -> Report:
    scenario = Scenario("s", "t", "d", duration_s, (clients,), upstreams)
    return simulate(
        scenario, STRATEGIES[policy].make, policy, lambda name: random.Random(f"1:{name}").random, trace=True
    )


def test_an_open_and_a_closed_loop_add_up() -> None:
    """Only a closed loop's requests bring the next one."""
    phases = (Phase(0.0, 60.0, 20.0),)
    both = ClientSpec("both", ("a",), phases=phases, clients=10, think_s=1.0)
    upstream = UpstreamSpec("a", first_token_s=1.0, first_token_spread=0.0)
    assert ran(both, upstream).figures.requests == pytest.approx(20 * 60 + 10 * 60 / 2, rel=0.1)


def test_a_stream_whose_server_falls_over_is_gone_on_with_where_it_broke() -> None:
    """What had not come yet must still be made, and is charged by whoever makes it."""
    clients = ClientSpec("c", ("a", "b"), phases=(Phase(0.0, 60.0, 10.0),), output_tokens=400)
    falls = UpstreamSpec("a", token_s=0.02, crashes_above=40)
    report = ran(clients, falls, UpstreamSpec("b", servers=9, token_s=0.02), policy="halfopen")
    gone_on = [line.split() for line in report.trace if " go_on " in line]
    assert len(gone_on) > 10
    assert (report.figures.success_rate or 0.0) > 0.99
    works: dict[tuple[str, str], tuple[float, float]] = {}
    for line in report.trace:
        at, _, request, _, attempt, _, _, mark, *_, value = line.split()
        if mark == "started":
            works[request, attempt] = float(at), float(value)
    for broke_at, _, request, *_ in gone_on:
        (began, took_s), (_, again_s) = works[request, "1"], works[request, "2"]
        assert again_s == pytest.approx(began + took_s - float(broke_at), abs=0.6)
