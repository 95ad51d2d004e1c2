"""`halfopen requests` and `halfopen show`: from a control that answers, and from the file without one."""

import asyncio
import json
import re
import threading
import time
from contextlib import contextmanager

import msgspec
import pytest
from typer.testing import CliRunner

from halfopen import errors
from halfopen.app.processes.changes import Changes
from halfopen.app.processes.control import Control
from halfopen.app.processes.folding import Folding
from halfopen.app.processes.messages import Outcomes
from halfopen.app.processes.outcome_rows import rows
from halfopen.app.processes.state_directory import StateDirectory
from halfopen.cli import app
from halfopen.model import Attempt, Kind, Outcome, Price, Skip, Usage
from halfopen.rollout import Configured, configure
from halfopen.seams.outcome_store import Batch
from halfopen.store.sqlite import SqliteOutcomes

WAIT_S = 10.0


def made(number, **changes):
    """A request of the first target, which ended so many minutes ago."""
    facts = {
        "request_id": f"r{number}",
        "route": "m",
        "stream": False,
        "arrived": 0.0,
        "ended": 1.0 - 60.0 * number,
        "attempts": (),
        "skips": (),
        "served_by": "p/x",
        "fault": None,
        "client_gone": False,
        "usage": Usage(10, 5),
        "caller": "alice",
        "snapshot": "abc",
    }
    facts.update(changes)
    begun = facts["ended"] - 1.0
    facts["arrived"] = begun
    if not facts["attempts"]:
        facts["attempts"] = (
            Attempt(
                "p/x", begun, begun + 1.0, begun + 0.1, begun + 0.6, begun + 0.7, 200, usage=facts["usage"]
            ),
        )
    return Outcome(**facts)


def rescued(number):
    begun = -60.0 * number
    broken = errors.make(Kind.SERVER_ERROR, "The server \x1b[31mhad an error", status=500)
    return made(
        number,
        attempts=(
            Attempt("p/x", begun, begun + 0.25, begun + 0.05, begun + 0.2, None, 500, fault=broken),
            Attempt(
                "q/y",
                begun + 0.25,
                begun + 1.0,
                begun + 0.5,
                begun + 0.75,
                begun + 0.8,
                200,
                usage=Usage(10, 5),
            ),
        ),
        served_by="q/y",
        skips=(Skip("s/z", "breaker_open"),),
    )


def failed(number):
    fault = errors.make(Kind.RATE_LIMITED, "slow down", status=429)
    return made(number, attempts=(), served_by=None, fault=fault, usage=None, route="other", caller="bob")


OUTCOMES = (made(30), rescued(20), failed(10), made(5, client_gone=True, served_by=None))
"""The latest is the last."""


def store(state, outcomes=OUTCOMES):
    folding = Folding()
    folding.prices = {"q/y": Price(2.0, 4.0)}
    sent = msgspec.Raw(msgspec.msgpack.encode(rows(outcomes, time.time())))
    kept, sums = folding.fold(Outcomes(sent, len(outcomes), "s", 0))
    outcome_store = SqliteOutcomes(state.outcomes_path)
    outcome_store.open()
    outcome_store.write([Batch("s", 0, kept, sums)])
    outcome_store.close()


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Run a command in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("halfopen.cli.gateway_state.ANSWER_S", 1.0)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [*arguments])


@pytest.fixture
def state(tmp_path):
    directory = StateDirectory(tmp_path / "home" / "halfopen" / "8500")
    directory.open()
    store(directory)
    return directory


@contextmanager
def answering(state):
    """A control process that reads the same file."""
    ready, end = threading.Event(), threading.Event()

    async def serve():
        control = Control(state, Changes(state, None, "", {}, time.time))
        await control.start()
        while control.writer.counted("s") is None:  # noqa: ASYNC110 - a thread reads what was before
            await asyncio.sleep(0.005)
        ready.set()
        while not end.is_set():  # noqa: ASYNC110 - it is an event of threads
            await asyncio.sleep(0.01)
        await control.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(WAIT_S)
        yield
    finally:
        end.set()
        thread.join(WAIT_S)


@contextmanager
def nobody(state):
    """No gateway runs."""
    yield


@pytest.fixture(params=[answering, nobody], ids=["asked", "read"])
def source(request, state):
    """Both tell the same."""
    with request.param(state):
        yield state


def ids(result):
    assert result.exit_code == 0, result.output
    return [row["request_id"] for row in json.loads(result.stdout)["requests"]]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), ["r5", "r10", "r20", "r30"]),
        (("--failed",), ["r10"]),
        (("--rescued",), ["r20"]),
        (("--gone",), ["r5"]),
        (("--since", "12m"), ["r5", "r10"]),
        (("--until", "12m"), ["r20", "r30"]),
        (("--since", "25m", "--until", "7m"), ["r10", "r20"]),
        (("--route", "other"), ["r10"]),
        (("--target", "q/y"), ["r20"]),
        (("--caller", "bob"), ["r10"]),
        (("--kind", "rate_limited"), ["r10"]),
        (("--limit", "2"), ["r5", "r10"]),
        (("--since", "1m"), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_requests_are_found_by_everything_that_is_asked(call, source, options, wanted):
    """The latest first."""
    assert ids(call("requests", "--json", *options)) == wanted


def test_pages_follow_one_another(call, source):
    """`next` is what --before takes; null: there is no other page."""
    first = json.loads(call("requests", "--json", "--limit", "3").stdout)
    second = json.loads(call("requests", "--json", "--limit", "3", "--before", str(first["next"])).stdout)
    assert [row["request_id"] for row in second["requests"]] == ["r30"]
    assert second["next"] is None
    assert f"--before {first['next']}" in call("requests", "--limit", "3").stdout


def test_a_row_has_no_detail_and_a_time_that_people_read(call, source):
    """ISO 8601 in UTC, beside the seconds."""
    row = json.loads(call("requests", "--json").stdout)["requests"][2]
    assert "detail" not in row
    assert row["ended_at"].startswith(time.strftime("%Y-%m-%dT%H:", time.gmtime(row["ended_wall_s"])))
    assert row["ended_at"].endswith("+00:00")
    assert (row["rescued"], row["cost_nusd"], row["served_by"]) == (True, 40_000, "q/y")


def test_the_table_tells_what_became_of_each(call, source):
    """With the local zone."""
    shown = call("requests").stdout
    for line in (
        "r30.*ok.*p/x.*alice",
        "r20.*rescued.*q/y",
        "r10.*FAILED rate_limited.*bob",
        "r5.*client left",
    ):
        assert re.search(line, shown), (line, shown)
    assert time.strftime("%Z") in shown


def test_show_draws_every_attempt(call, source):
    """On one scale; what an upstream wrote can't steer the terminal."""
    shown = call("show", "r20")
    assert shown.exit_code == 0, shown.output
    assert "r20  rescued" in shown.stdout
    assert re.search(
        r"p/x  ·+░+█+ +0\.0 ms \+ 250 ms  500 server_error: The server �\[31mhad an error", shown.stdout
    ), shown.stdout
    assert re.search(r"q/y   +·+░+█+  250 ms \+ 750 ms  200 answered", shown.stdout), shown.stdout
    assert "passed over s/z: breaker_open" in shown.stdout
    assert "\x1b" not in shown.stdout


def test_show_of_a_plain_request_has_its_one_call(call, source):
    """Though only its row is kept."""
    shown = call("show", "r30").stdout
    assert re.search(r"p/x  ·+░+█+  0\.0 ms \+ 1000 ms  answered", shown), shown


def test_show_as_json(call, source):
    """The row, and the whole outcome if it was not plain."""
    data = json.loads(call("show", "r20", "--json").stdout)
    assert data["row"]["request_id"] == data["outcome"]["request_id"] == "r20"
    assert [attempt["target"] for attempt in data["outcome"]["attempts"]] == ["p/x", "q/y"]
    assert data["outcome"]["attempts"][0]["fault"]["kind"] == "server_error"
    assert json.loads(call("show", "r30", "--json").stdout)["outcome"] is None


def test_show_of_what_is_not_kept_is_1(call, source):
    """It says so."""
    result = call("show", "r\x1b99")
    assert result.exit_code == 1
    assert result.stderr == "halfopen: no request 'r�99' is recorded; it may be too young, or too old\n"


@pytest.mark.parametrize(
    "arguments", [("requests",), ("show", "r1"), ("requests", "--json"), ("top", "--once")], ids=" ".join
)
def test_without_a_gateway_and_a_file_it_is_1(call, tmp_path, arguments):
    """It says where it looked."""
    result = call(*arguments)
    assert result.exit_code == 1
    assert "state directory" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [("requests",), ("show", "r1")])
def test_another_store_that_can_not_be_read_is_1(call, state, monkeypatch, arguments):
    """A file that is left from before is not taken for it."""
    text = """
    [store]
    url = "${STORE}"
    [providers.p]
    dialect = "openai"
    key = "${KEY}"
    [routes.m]
    targets = ["p/m"]
    """
    configured = configure(text, {"STORE": "postgresql://127.0.0.1/h", "KEY": "k"})
    assert isinstance(configured, Configured), configured
    state.save(configured.snapshot)
    state.set_current(configured.snapshot.id, "start", 1.0)
    monkeypatch.delenv("STORE", raising=False)
    with nobody(state):
        result = call(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "[store] url needs the environment variable STORE" in result.stderr


def test_a_file_that_can_not_be_read_is_1(call, state):
    """No traceback."""
    state.outcomes_path.write_bytes(b"no database" * 1000)
    for arguments in (("requests",), ("show", "r1")):
        result = call(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "can't be read" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--failed", "--gone"),
        ("--since", "yesterday"),
        ("--until", "2026-13-01"),
        ("--limit", "0"),
        ("--limit", "1001"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(call, state, options):
    """With the reason."""
    result = call("requests", *options)
    assert result.exit_code == 2
    assert result.stderr


def test_a_frozen_control_is_not_waited_for(call, state, monkeypatch):
    """The file tells all the same."""
    monkeypatch.setattr("halfopen.cli.gateway_state.ANSWER_S", 0.05)
    assert state.hold()
    assert ids(call("requests", "--json")) == ["r5", "r10", "r20", "r30"]
    state.release()


def test_top_shows_how_everything_is(call, state):
    """Once, as text and as JSON."""
    with answering(state):
        shown, data = call("top", "--once"), json.loads(call("top", "--json").stdout)
    assert shown.exit_code == 0, shown.output
    assert data["totals"]["requests"] == 4
    assert "4 requests of all time, 0 outcomes lost" in shown.stdout
    assert data["health"].upper() in shown.stdout
