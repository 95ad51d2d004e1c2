"""A real socket gets well-formed datagrams whose counts are those of the outcomes."""

import socket
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from statsd_grammar import Event, Metric, parse

from halfopen.exporters.dogstatsd import exporter as module
from halfopen.exporters.dogstatsd.exporter import StatsdExporter
from halfopen.rollout.settings import Statsd


class Sink:
    """What came by UDP."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(5.0)
        self.settings = Statsd(
            host="127.0.0.1", port=self.socket.getsockname()[1], every_s=1.0, tags={"env": "t"}
        )
        self.got: list[Metric | Event] = []

    def read(self, wanted: int = 1) -> list[Metric | Event]:
        """So many messages more at least; raises TimeoutError if they don't come."""
        before = len(self.got)
        while len(self.got) - before < wanted:
            self.got += parse(self.socket.recv(65_536))
        return self.got[before:]

    def rest(self) -> None:
        self.socket.setblocking(False)
        try:
            while True:
                self.got += parse(self.socket.recv(65_536))
        except BlockingIOError:
            pass

    def counts(self, name: str) -> dict[tuple[str, ...], float]:
        """The sums of a count by the values of its tags."""
        found: dict[tuple[str, ...], float] = {}
        for each in self.got:
            if isinstance(each, Metric) and each.name == name:
                tags = tuple(value for key, value in each.tags.items() if key != "env")
                found[tags] = found.get(tags, 0) + each.values[0]
        return found


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.socket.close()


@pytest.fixture
def exporter(sink: Sink) -> Iterator[StatsdExporter]:
    made = StatsdExporter(sink.settings, "127.0.0.1")
    made.start()
    yield made
    made.stop(2.0)


def overview(health: str, **state: Any) -> dict[str, Any]:
    """As much of one as is read."""
    return {
        "health": health,
        "sentence": "12 of 340 requests failed | since 03:12",
        "upstreams": [
            {
                "target": "openai/gpt-4o",
                "state": {"breaker": "half_open", "in_flight": 3, "waiting": 0, **state},
            },
            {"target": "claude/haiku", "state": None},
        ],
        "objectives": [
            {
                "name": "answered",
                "budget_left": -0.5,
                "burn": [
                    {
                        "severity": "page",
                        "long_s": 3600,
                        "short_s": 300,
                        "long_rate": 20.0,
                        "short_rate": None,
                        "firing": False,
                    }
                ],
            }
        ],
    }


def test_counts_are_exact(made: Any, sink: Sink, exporter: StatsdExporter) -> None:
    """Over several reports, every request is told once."""
    for number in range(30):
        exporter.add(made.folded(made.ok(number), made.rescued(number + 100))[1])
    exporter.add(made.folded(made.failed())[1])
    sink.read(10)
    exporter.add(made.folded(made.ok(999))[1])
    exporter.stop(2.0)
    sink.rest()
    assert sink.counts("halfopen.requests") == {
        ("gpt-4o", "openai/gpt-4o", "ok"): 31,
        ("gpt-4o", "claude/haiku", "ok"): 30,
        ("gpt-4o", "openai/gpt-4o", "server_error"): 1,
    }
    assert sink.counts("halfopen.requests.rescued") == {("gpt-4o", "claude/haiku"): 30}
    assert sink.counts("halfopen.attempts")["gpt-4o", "openai/gpt-4o", "server_error"] == 31
    assert sink.counts("halfopen.skips") == {("gpt-4o", "claude/haiku", "breaker open"): 1}
    assert sink.counts("halfopen.tokens")["gpt-4o", "openai/gpt-4o", "input"] == 3100
    cost = 31 * (100 * 2.5 + 20 * 10) / 1e6
    assert sink.counts("halfopen.cost_usd")["gpt-4o", "openai/gpt-4o"] == pytest.approx(cost)
    assert all(each.tags["env"] == "t" for each in sink.got)


def test_times_are_distributions(made: Any, sink: Sink, exporter: StatsdExporter) -> None:
    """As many as there were whole answers, of the values that they had."""
    exporter.add(made.folded(*(made.ok(number) for number in range(10)))[1])
    exporter.stop(2.0)
    sink.read()
    sink.rest()
    (found,) = [each for each in sink.got if each.name == "halfopen.request.duration"]  # type: ignore[union-attr]  # no event was made
    assert isinstance(found, Metric)
    assert (found.kind, round(1 / found.rate)) == ("d", 10)
    assert found.values[0] == pytest.approx(3.0, rel=0.021)


def test_states_are_gauges(sink: Sink, exporter: StatsdExporter) -> None:
    """Breakers, what is in flight, and objectives; what isn't known is not told."""
    exporter.look(overview("ok"))
    exporter.stop(2.0)
    sink.read()
    sink.rest()
    told = {
        (each.name, tuple(sorted(each.tags.items()))): each.values[0]
        for each in sink.got
        if isinstance(each, Metric)
    }
    target, objective = (("env", "t"), ("target", "openai/gpt-4o")), (("env", "t"), ("objective", "answered"))
    page = (("severity", "page"), ("window", "1h"))
    assert told == {
        ("halfopen.health", (("env", "t"),)): 0.0,
        ("halfopen.breaker.state", target): 1.0,
        ("halfopen.in_flight", target): 3.0,
        ("halfopen.waiting", target): 0.0,
        ("halfopen.objective.budget_left", objective): -0.5,
        ("halfopen.objective.burn_rate", (*objective, *page)): 20.0,
        ("halfopen.objective.firing", (*objective, *page)): 0.0,
    }


def test_a_change_of_health_is_an_event_at_once(sink: Sink, exporter: StatsdExporter) -> None:
    """Into trouble and out of it; that nobody asks any more is no news."""
    for health in ("idle", "ok", "failing", "failing", "rescuing", "ok", "idle"):
        exporter.look(overview(health))
    told = [each for each in sink.read(3) if isinstance(each, Event)]
    assert [(each.title, each.fields["t:"]) for each in told] == [
        ("Halfopen: failing, was ok", "error"),
        ("Halfopen: rescuing, was failing", "warning"),
        ("Halfopen: ok, was rescuing", "success"),
    ]
    assert told[0].text == "12 of 340 requests failed | since 03:12"
    assert told[0].tags == {"health": "failing", "env": "t"}


def test_a_name_that_cannot_be_looked_up_costs_nothing(
    made: Any, sink: Sink, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and once it can be, everything is told."""

    def fail(*_: object, **__: object) -> object:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    real = socket.getaddrinfo
    monkeypatch.setattr(module.socket, "getaddrinfo", fail)
    exporter = StatsdExporter(msgspec.structs.replace(sink.settings, every_s=0.02), "127.0.0.1")
    exporter.add(made.folded(made.ok())[1])
    exporter.start()
    eventually(lambda: "name resolution" in exporter.problem)
    monkeypatch.setattr(module.socket, "getaddrinfo", real)
    sink.read()
    assert sink.counts("halfopen.requests") == {("gpt-4o", "openai/gpt-4o", "ok"): 1}
    exporter.stop(2.0)
    assert exporter.problem == ""


@pytest.mark.parametrize("name", ["agent..internal", "a" * 64 + ".internal"])
def test_a_name_that_is_none_ends_no_thread(made: Any, eventually: Any, name: str) -> None:
    """It is a problem that a person sees, and counts wait."""
    it = StatsdExporter(Statsd(host=name, every_s=0.01), name)
    it.start()
    it.add(made.folded(made.ok(1))[1])
    eventually(lambda: it.problem)
    for _ in range(3):
        it.look(overview("failing"))
        it.look(overview("ok"))
    eventually(lambda: it.dropped >= 3)
    assert it.problem.startswith(f"{name}: ")
    assert (it.has_ended, it.sent, bool(it._pending.take())) == (False, 0, True)
    it.stop(1.0)
    assert not it.has_ended


def test_a_defect_costs_one_turn(
    made: Any, sink: Sink, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told, and the next turn sends."""
    fails = [True]
    real = module.metric_lines

    def once(*given: Any) -> list[str]:
        if fails.pop():
            fails.append(False)
            raise ValueError("planted")
        fails.append(False)
        return real(*given)

    monkeypatch.setattr(module, "metric_lines", once)
    it = StatsdExporter(Statsd(host="127.0.0.1", port=sink.settings.port, every_s=0.01), "127.0.0.1")
    it.start()
    eventually(lambda: it.defect)
    it.add(made.folded(made.ok(1))[1])
    sink.read()
    assert (it.defect, it.dropped, it.has_ended) == ("ValueError: planted", 1, False)
    it.stop(1.0)


def test_a_thread_that_ended_is_seen(monkeypatch: pytest.MonkeyPatch, eventually: Any) -> None:
    """Whatever ended it; one that was told to end has not."""
    monkeypatch.setattr(StatsdExporter, "_run", lambda self: None)
    it = StatsdExporter(Statsd(), "127.0.0.1")
    assert not it.has_ended
    it.start()
    eventually(lambda: it.has_ended)
    it.stop(1.0)
    assert not it.has_ended
