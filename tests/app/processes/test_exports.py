"""Who else is told: followed from snapshot to snapshot, and never in control's way."""

import asyncio
import builtins
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from halfopen.app.processes import exports as module
from halfopen.app.processes.exports import Exports
from halfopen.rollout import Configured, configure
from halfopen.seams.outcome_store import Context, Group, Rows
from halfopen.seams.sums import REQUEST_COUNTS, Sums
from halfopen.signals.overview import Health

TEXT = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9999"
key = "${KEY}"

[routes.m]
targets = ["p/gpt-4o"]
"""
NOBODY = '[otel]\nendpoint = "http://127.0.0.1:9"\n'


class Writer:
    """As much of a writer as is used."""

    listener: Any = None


def snapshot(more: str = "", **environ: str) -> Any:
    configured = configure(TEXT + more, {"KEY": "sk-test", **environ})
    assert isinstance(configured, Configured), configured
    return configured.snapshot


def begun(exports: Any, more: str = "", values: dict[str, str] | None = None, **environ: str) -> None:
    """Follow, and let what is made in a thread be made."""
    exports.follow(snapshot(more, **environ), values or {})
    for thread in threading.enumerate():
        if thread.name == "otlp-begin":
            thread.join(10.0)


def counted(number: int) -> tuple[Rows, Sums]:
    """One request."""
    sums = Sums()
    sums.requests[60, "m", "p/gpt-4o", "", "ok"] = [1] + [0] * (len(REQUEST_COUNTS) - 1)
    row = (f"r{number}", 61.0, 1.0, 0.0, None, None, None, 1, 1, None, 10, 10, 0)
    return Rows([Group(Context("m", "", "", "", 0, "p/gpt-4o", None), 0, [row])], []), sums


@pytest.fixture
def exports() -> Any:
    made = Exports(Writer())  # type: ignore[arg-type]  # it only listens
    yield made
    made.stop()


def test_nobody_is_told_by_default(exports: Any) -> None:
    """No thread, no problem, and nothing in the status."""
    begun(exports)
    assert (exports.status(), exports.problems()) == ({"otel": None, "statsd": None}, [])


def test_the_writer_says_what_is_counted() -> None:
    """It is listened to from the beginning."""
    writer = Writer()
    made = Exports(writer)  # type: ignore[arg-type]  # as above
    assert writer.listener == made.add


def test_it_follows(exports: Any) -> None:
    """What stays the same goes on, what changes begins anew, what is gone ends."""
    begun(exports, NOBODY)
    first = exports._otlp
    begun(exports, NOBODY + '[statsd]\nhost = "127.0.0.1"\n')
    assert exports._otlp is first
    agent = exports._agent
    assert exports.status()["statsd"] == {"sent": 0, "dropped": 0, "untold": 0}
    begun(exports, NOBODY + "traces = 0.5\n")
    assert exports._otlp is not first
    assert exports._agent is None
    assert agent._stopping
    begun(exports)
    assert exports.status() == {"otel": None, "statsd": None}


def test_new_routes_are_known(exports: Any) -> None:
    """A route that comes later has its targets in the words of the conventions, too."""
    begun(exports, NOBODY)
    begun(exports, '[routes.n]\ntargets = ["p/gpt-5"]\n' + NOBODY)
    assert set(exports._otlp.upstreams) == {"p/gpt-4o", "p/gpt-5"}


def test_a_header_is_filled_in(exports: Any) -> None:
    """By the value that there is; another value is used as soon as it is told."""
    more = NOBODY + 'headers = {Authorization = "Bearer ${T}"}\n'
    begun(exports, more, values={"T": "one"}, T="one")
    assert exports._otlp._receiver._headers == {"Authorization": "Bearer one"}
    begun(exports, more, values={"T": "two"}, T="two")
    assert exports._otlp._receiver._headers == {"Authorization": "Bearer two"}
    begun(exports, more, T="two")
    assert exports.problems() == ["[otel] headers: no value for ${T}"]


def test_a_missing_extra_is_said(exports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it; control goes on."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("halfopen.exporters.otlp.exporter"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    begun(exports, NOBODY)
    assert exports.problems() == ["[otel] needs the extra: pip install 'halfopen[otel]'"]
    assert exports.status()["otel"] is None


class Slow:
    """Makes exporters when it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.made: list[Any] = []
        real = module._otlp

        def made(*given: Any) -> Any:
            assert self.go.wait(10.0)
            self.made.append(real(*given))
            return self.made[-1]

        monkeypatch.setattr(module, "_otlp", made)


def test_nobody_waits_for_what_an_exporter_needs(exports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading it takes a second; it is told all that was counted meanwhile, and the latest targets."""
    slow = Slow(monkeypatch)
    exports.follow(snapshot(NOBODY), {})
    for number in range(3):
        exports.add(*counted(number))
    exports.follow(snapshot('[routes.n]\ntargets = ["p/gpt-5"]\n' + NOBODY), {})
    assert (slow.made, exports.status()["otel"], exports.problems()) == ([], None, [])
    told: list[tuple[Rows, Sums]] = []
    monkeypatch.setattr(
        "halfopen.exporters.otlp.exporter.OtlpExporter.add", lambda _self, *each: told.append(each)
    )
    slow.go.set()
    begun(exports, '[routes.n]\ntargets = ["p/gpt-5"]\n' + NOBODY)
    exports.add(*counted(3))
    assert [row[0] for rows, _ in told for group in rows.plain for row in group.rows] == [
        "r0",
        "r1",
        "r2",
        "r3",
    ]
    sums = Sums()
    for _, each in told:
        sums.add(each)
    assert [counts[0] for counts in sums.requests.values()] == [4]
    assert set(exports._otlp.upstreams) == {"p/gpt-4o", "p/gpt-5"}


def test_rows_that_wait_for_it_are_bounded(exports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those beyond it are counted as dropped; counts are kept."""
    monkeypatch.setattr(module, "EARLY_MAX", 2)
    slow = Slow(monkeypatch)
    exports.follow(snapshot(NOBODY + "metrics = false\n"), {})
    for number in range(5):
        exports.add(*counted(number))
    assert [counts[0] for counts in exports._early.sums.requests.values()] == [5]
    slow.go.set()
    begun(exports, NOBODY + "metrics = false\n")
    assert exports.status()["otel"]["dropped"]["rows"] == 3


def test_one_that_is_no_longer_wanted_never_begins(exports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration changed while it was made."""
    slow = Slow(monkeypatch)
    exports.follow(snapshot(NOBODY), {})
    exports.follow(snapshot(), {})
    slow.go.set()
    begun(exports)
    assert [thread.ident for made in slow.made for thread in made._threads] == [None, None]
    assert (exports.status()["otel"], exports._early) == (None, None)


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ValueError("no port"), "[otel] endpoint: no port"),
        (RuntimeError("planted"), "[otel] a defect: RuntimeError: planted"),
    ],
    ids=["address", "defect"],
)
def test_one_that_can_not_be_made_is_a_problem(
    exports: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, problem: str
) -> None:
    """Whatever went wrong; it is none any more when nobody is to be told."""

    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(module, "_otlp", fails)
    begun(exports, NOBODY)
    assert exports.problems() == [problem]
    begun(exports)
    assert exports.problems() == []


def test_what_ended_or_failed_is_a_problem(exports: Any) -> None:
    """Of both kinds of exporters."""
    begun(exports, NOBODY + '[statsd]\nhost = "127.0.0.1"\n')
    exports._otlp.status.defect = "ValueError: a"
    exports._agent.defect = "ValueError: b"
    assert [each for each in exports.problems() if "defect" in each] == [
        "[otel] something could not be sent, by a defect: ValueError: a",
        "[statsd] something could not be sent, by a defect: ValueError: b",
    ]
    for exporter in (exports._otlp, exports._agent):
        exporter.stop(2.0)
        exporter._stopping = False
    ended = [each for each in exports.problems() if each.endswith("the thread that sends has ended")]
    assert [each.split("]")[0] for each in ended] == ["[otel", "[statsd"]


def test_counts_that_nobody_is_told_are_shown(exports: Any) -> None:
    """They were forgotten, since whoever is told was gone for too long."""
    begun(exports, NOBODY + '[statsd]\nhost = "127.0.0.1"\n')
    exports._otlp._pending.forgotten, exports._agent._pending.forgotten = 3, 4
    assert [exports.status()[name]["untold"] for name in ("otel", "statsd")] == [3, 4]


def test_control_does_not_stand_still_while_they_end(
    controlled: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is sent for a while in a thread; whoever is connected is heard meanwhile."""
    beats = []

    async def play() -> None:
        loop = asyncio.get_running_loop()
        heard = threading.Event()

        def ends(_self: Exports) -> None:
            loop.call_soon_threadsafe(lambda: (beats.append("heard"), heard.set()))
            beats.append("told" if heard.wait(2.0) else "stands still")

        monkeypatch.setattr(Exports, "stop", ends)
        async with controlled():
            pass

    asyncio.run(play())
    assert beats == ["heard", "told"]


@pytest.mark.alone
def test_the_end_is_in_time(exports: Any) -> None:
    """Although nobody takes anything: both have one second together."""
    begun(exports, NOBODY + '[statsd]\nhost = "127.0.0.1"\nport = 9\n')
    exports.look({"health": Health.OK.value, "sentence": "", "upstreams": [], "objectives": []})
    began = time.monotonic()
    exports.stop()
    assert time.monotonic() - began < 1.6
