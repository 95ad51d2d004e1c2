"""What control shows of a running gateway: over its socket, and as `Seen`."""

import asyncio
import time
from itertools import chain

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from halfopen.app.processes.asking import ask
from halfopen.app.processes.messages import Answer, Ask, Known, Load, Role, States
from halfopen.app.processes.outcome_sender import OutcomeSender
from halfopen.errors import make
from halfopen.model import Attempt, Kind, Outcome, Usage
from halfopen.rollout import configure
from halfopen.seams.ledger import Only, Search
from halfopen.seams.outcome_store import StoreError
from halfopen.seams.seen import Seen
from halfopen.store.sqlite_ledger import SqliteLedger

KINDS = ("plain", "rescued", "failed", "own", "gone")
TOML = """
[providers.p]
dialect = "openai"
base_url = "http://127.0.0.1:9"
key = "${K}"
headers = { x-team = "plain-words-of-the-tests" }

[providers.p.models.m]
input_price = 2.0
output_price = 4.0

[routes.m]
targets = ["p/m", "p/n"]

[objectives.up]
target = 0.9
"""


@pytest.fixture
def started(state, monkeypatch):
    """A gateway that was started with an objective, whose key control knows."""
    monkeypatch.setenv("K", "plain-words-of-the-tests")
    first = configure(TOML, {"K": "plain-words-of-the-tests"}).snapshot
    state.save(first)
    state.set_current(first.id, "start", 1.0)
    return first


def ended(kind, number, now):
    """A request that was over just now."""
    fault = make(
        Kind.INVALID_REQUEST if kind == "own" else Kind.SERVER_ERROR, "the key plain-words-of-the-tests"
    )
    good = Attempt("p/m", now - 0.5, now, first_content=now - 0.25, status=200)
    bad = Attempt("p/m", now - 0.5, now - 0.4, status=500, fault=fault)
    fields = {
        "plain": ((good,), "p/m", None, False),
        "rescued": ((bad, msgspec.structs.replace(good, target="p/n")), "p/n", None, False),
        "failed": ((bad,), None, fault, False),
        "own": ((bad,), None, fault, False),
        "gone": ((good,), None, None, True),
    }
    attempts, served_by, told, gone = fields[kind]
    usage = None if kind in ("failed", "own") else Usage(100, 20)
    return Outcome(f"ho-{number}", "m", False, now - 0.5, now, attempts, (), served_by, told, gone, usage)


async def send(state, started, speaker, count, first=0):
    """A worker that has ended so many requests, of each kind in turn. Close its link."""
    loop = asyncio.get_running_loop()
    worker = speaker(state.socket_path, Role.WORKER, snapshot=started.id)
    sender = OutcomeSender(worker.link, loop)
    worker.link.start()
    for number in range(first, first + count):
        sender.add(ended(KINDS[number % len(KINDS)], number, loop.time() - 0.001 * number))
    assert await sender.drain(3.0), sender.unrecorded
    return worker


async def asked(state, what, argument=""):
    return await asyncio.to_thread(ask, state.socket_path, Ask(what, argument))


def counts_of(metrics):
    """Requests by result, as `/metrics` tells them."""
    counts = {}
    for family in text_string_to_metric_families(metrics.decode()):
        for sample in family.samples:
            if sample.name == "halfopen_requests_total":
                result = sample.labels["result"]
                counts[result] = counts.get(result, 0) + sample.value
    return counts


def agreement(view, kept):
    """The same five counts as the overview, `/metrics` and the rows of the ledger tell them."""
    totals = view.overview()["totals"]
    metrics = counts_of(view.metrics())
    return [
        [totals["answered"], totals["rescued"], totals["failed"], totals["own_mistakes"], totals["gone"]],
        [
            metrics["ok"],
            totals["rescued"],
            metrics["server_error"] + metrics["invalid_request"],
            metrics["invalid_request"],
            metrics["client_gone"],
        ],
        [
            sum(row.kind is None and not row.client_gone for row in kept),
            sum(row.rescued for row in kept),
            sum(row.kind is not None and not row.client_gone for row in kept),
            sum(row.kind == "invalid_request" for row in kept),
            sum(row.client_gone for row in kept),
        ],
    ]


def test_overview_metrics_and_ledger_agree_also_after_a_restart(state, started, controlled, speaker):
    """Nothing is counted twice, and nothing is forgotten."""

    async def play():
        found = []
        for first in (0, 500):
            async with controlled() as control:
                worker = await send(state, started, speaker, 500, first)
                kept = await control.view.requests(Search(limit=1000))
                found.append(agreement(control.view, kept))
                worker.link.close()
        return found

    for times, three in enumerate(asyncio.run(play()), 1):
        assert three == [[200 * times, 100 * times, 200 * times, 100 * times, 100 * times]] * 3


def test_an_overview_is_what_it_says(state, started, controlled, speaker):
    """Health, routes, upstreams with what workers know, objectives, and no problem that isn't one."""

    async def play():
        async with controlled() as control:
            worker = await send(state, started, speaker, 100)
            worker.link.send(States([Known("p/m", "open", "server_error", in_flight=3, waiting=2)]))
            worker.link.send(Load(4, 3, 2, 100, 40, 0, 1.5, 2048))
            await asyncio.sleep(0.03)
            control.view._shown = None
            overview = (await asked(state, "overview")).data
            metrics = control.view.metrics().decode()
            worker.link.close()
            return overview, metrics

    overview, metrics = asyncio.run(play())
    assert (overview["health"], overview["snapshot"], overview["lost"]) == ("failing", started.id, 0)
    assert overview["sentence"].startswith(
        "20 of 60 requests in the last 5 minutes failed: server_error at p/m;"
    )
    (route,) = overview["routes"]
    assert (route["targets"], route["by_target"]) == (["p/m", "p/n"], {"p/m": 20, "p/n": 20})
    first, second = overview["upstreams"]
    assert (first["target"], first["failed"], first["state"]["breaker"]) == ("p/m", 60, "open")
    assert (first["state"]["waiting"], second["state"]) == (2, None)
    (objective,) = overview["objectives"]
    assert (objective["name"], objective["good"], objective["total"]) == ("up", 40, 60)
    assert [burn["firing"] for burn in objective["burn"]] == [False, False, True]
    assert overview["figures"]["cost_usd"] > 0
    assert 'halfopen_in_flight{worker="0"} 3' in metrics
    assert 'halfopen_breaker_state{target="p/m",state="open"} 1' in metrics
    assert 'halfopen_objective_kept{objective="up"} 0.66' in metrics


def test_requests_are_found_a_page_at_a_time(state, started, controlled, speaker):
    """By the cursor of the page before, until there is none."""

    async def play():
        async with controlled():
            worker = await send(state, started, speaker, 50)
            pages, before = [], 0
            while True:
                search = Search(only=Only.FAILED, limit=8, before=before)
                answer = await asked(state, "requests", msgspec.json.encode(search).decode())
                pages.append([row["request_id"] for row in answer.data["requests"]])
                before = answer.data["next"]
                if before is None:
                    break
            worker.link.close()
            return pages, answer

    pages, answer = asyncio.run(play())
    assert [len(page) for page in pages] == [8, 8, 4]
    failed = [f"ho-{number}" for number in range(50) if KINDS[number % 5] in ("failed", "own")]
    assert sorted(chain(*pages), key=lambda name: int(name[3:])) == failed
    assert "detail" not in answer.data["requests"][0]


def test_one_request_with_its_attempts_and_without_secrets(state, started, controlled, speaker):
    """A plain one has its row only; of any other one the attempts are told, with keys masked."""

    async def play():
        async with controlled():
            worker = await send(state, started, speaker, 5)
            answers = [await asked(state, "request", f"ho-{number}") for number in (0, 1, 2, 9)]
            worker.link.close()
            return answers

    plain, rescued, failed, unknown = asyncio.run(play())
    assert (plain.data["row"]["served_by"], plain.data["outcome"]) == ("p/m", None)
    assert [each["target"] for each in rescued.data["outcome"]["attempts"]] == ["p/m", "p/n"]
    assert failed.data["outcome"]["fault"]["kind"] == failed.data["row"]["kind"] == "server_error"
    assert "plain-words-of-the-tests" not in str(failed.data)
    assert unknown == Answer(ok=False, data={}, problem="no request 'ho-9' is kept")


@pytest.mark.parametrize(
    ("what", "argument", "problem"),
    [
        ("requests", "{", "control doesn't understand the question: "),
        ("requests", '{"only": "some"}', "control doesn't understand the question: "),
        ("weather", "", "control doesn't know 'weather'"),
    ],
)
def test_questions_that_make_no_sense(state, started, controlled, what, argument, problem):
    """They are answered, and control goes on."""

    async def play():
        async with controlled() as control:
            answer = await asked(state, what, argument)
            return answer, control.status()["problems"]

    answer, problems = asyncio.run(play())
    assert not answer.ok
    assert answer.problem.startswith(problem)
    assert problems == []


def test_a_store_that_cant_be_read_is_told_and_the_rest_is_shown(
    state, started, controlled, speaker, monkeypatch
):
    """Counts are in memory."""

    async def play():
        async with controlled():
            worker = await send(state, started, speaker, 10)

            def broken(*_):
                raise StoreError("disk I/O error")

            monkeypatch.setattr(SqliteLedger, "requests", broken)
            answers = [await asked(state, what) for what in ("requests", "overview")]
            worker.link.close()
            return answers

    requests, overview = asyncio.run(play())
    assert requests == Answer(ok=False, data={}, problem="the store can't be read: disk I/O error")
    assert overview.data["totals"]["requests"] == 10


def test_many_who_look_cost_one_overview(state, started, controlled):
    """It is shown again for a quarter of a second, and then worked out anew."""

    async def play():
        async with controlled() as control:
            wall = [1_700_000_000.0]
            control.view._wall = lambda: wall[0]
            seen = []
            for step in (0.0, 0.1, 0.2, -5.0):
                wall[0] += step
                seen.append(control.view.overview()["at_s"] - 1_700_000_000.0)
            return seen

    assert asyncio.run(play()) == pytest.approx([0.0, 0.0, 0.3, -4.7], abs=1e-6)


def test_the_configuration_in_force_names_keys_and_tells_none(state, started, controlled):
    """With the time since which it is so."""

    async def play():
        async with controlled() as control:
            await asyncio.sleep(0.02)
            return control.view.configuration(), (await asked(state, "configuration")).data

    seen, answered = asyncio.run(play())
    assert seen == answered
    assert (seen["id"], seen["since_s"], seen["path"], seen["problem"]) == (started.id, 1.0, None, "")
    assert seen["content"]["providers"]["p"]["key"] == "${K}"
    assert "plain-words-of-the-tests" not in str(seen)


def test_what_was_spent(state, started, controlled, speaker):
    """Of today, from the store: 100 tokens at 2 dollars a million and 20 at 4 for each answer of p/m."""

    async def play():
        async with controlled() as control:
            worker = await send(state, started, speaker, 50)
            spent = await control.view.spend(2)
            worker.link.close()
            return spent, control.view.overview()["totals"]

    spent, totals = asyncio.run(play())
    assert spent["days"] == 2
    assert sum(row["requests"] for row in spent["by_day"]) == 50
    assert sum(row["cost_usd"] for row in spent["by_target"]) == pytest.approx(totals["cost_usd"])
    assert {row["name"] for row in spent["by_target"]} == {"p/m", "p/n"}


def test_a_view_is_a_seen(state, started, controlled):
    """As pages and exporters are handed it."""

    async def play():
        async with controlled() as control:
            return control.view

    view = asyncio.run(play())
    wanted = {name for name in vars(Seen) if not name.startswith("_")}
    assert wanted == {"overview", "status", "configuration", "requests", "request", "spend", "metrics"}
    assert all(callable(getattr(view, name)) for name in wanted)


def test_an_overview_costs_little(state, started, controlled, speaker):
    """Control has other things to do: a small part of a second, with three hours of minutes."""

    async def play():
        async with controlled() as control:
            worker = await send(state, started, speaker, 500)
            took_s = []
            for _ in range(5):
                control.view._shown = None
                began = time.process_time()
                control.view.overview()
                took_s.append(time.process_time() - began)
            worker.link.close()
            return min(took_s)

    assert asyncio.run(play()) < 0.02
