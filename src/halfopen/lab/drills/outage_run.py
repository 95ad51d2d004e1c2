"""An outage from beginning to end, and then: does everybody who counts say the same as the client?

The gateway is the real one, with two workers. Its client asks many kinds of questions at a fixed rate and
keeps a tally of its own; two simulated providers follow a script of failures and keep theirs. At the end the
ledger, `/metrics`, the dashboard and the commands are held against the tally, number by number.
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from halfopen.lab.drills.agreement import Comparison, View, against_client, compared, times_against_client
from halfopen.lab.drills.bystander import Told, ask_control, ask_status
from halfopen.lab.drills.counted_lab import CountedLab
from halfopen.lab.drills.figure import DrillReport, Figure, proportion
from halfopen.lab.drills.http_answer import AnswerError, HttpAnswer
from halfopen.lab.drills.mixed_load import MixedLoad
from halfopen.lab.drills.process import GatewayProcess, started
from halfopen.lab.drills.shown_counts import (
    Ledger,
    attempts_at,
    ledger,
    metrics,
    overview,
    page,
    series_of,
)
from halfopen.lab.drills.tally import NO_END, OK, Entry, Key
from halfopen.lab.fault import OptionValue
from halfopen.lab.ports import free_port
from halfopen.lab.server import HOST

SECONDS: Final = 600.0
RATE: Final = 60.0
PACE_S: Final = 0.01
"""Between two events of a stream."""
SETTLED_MAX_S: Final = 2.0
"""After the last answer, everything must be counted everywhere by then."""
_POLL_S: Final = 0.05
_ASK_S: Final = 10.0
_COMMAND_S: Final = 30.0
_PAGE_ROWS: Final = 1000
_READ_BYTES: Final = 65536
_SHOWN: Final = 12
"""Lines of each comparison, for people. `--json` has all."""
TARGETS: Final[Mapping[str, str]] = MappingProxyType(
    {"gpt-4o-mini": "primary/gpt-4o-mini", "gpt-4o": "backup/gpt-4o"}
)
"""By model, so that the text of an answer tells who gave it."""
ROUTES: Final = ("chat", "assistant", "alone")
"""The first two have a backup, the last has none."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the script."""

    name: str
    share: float
    """Of the whole time."""
    primary: str = ""
    """The fault; empty: well."""
    backup: str = ""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """Of the primary's fault."""
    probability: float = 1.0
    leaving: bool = True
    """Whether clients leave in mid-stream."""


SCRIPT: Final = (
    Phase("well", 0.14),
    Phase("primary answers 500", 0.14, "openai_500_server_error"),
    Phase("well again", 0.1),
    Phase(
        "primary's streams break off",
        0.1,
        "stream_cut_after_content",
        options={"at_event": 8},
        leaving=False,
    ),
    Phase("every third call of the primary fails", 0.08, "http_502_nginx", probability=0.33),
    Phase("primary hangs", 0.11, "hang_before_headers"),
    Phase("primary is over its rate", 0.08, "openai_429_rate_limit_exceeded"),
    Phase("both are down", 0.06, "refused", "openai_503_server_is_overloaded"),
    Phase("recovery", 0.19),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how hard and with what."""

    seconds: float = SECONDS
    rate: float = RATE
    """Requests a second."""
    seed: int = 1
    script: Sequence[Phase] = SCRIPT


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was told at the end."""

    entries: Sequence[Entry]
    ledger: Ledger
    metrics: str
    overview: Mapping[str, Any]
    page: str
    status: Told
    listed: Mapping[str, int]
    """Requests that `halfopen requests` lists, by measure of the tally."""
    labs: Mapping[str, Counter[str]]
    """What each target's lab has counted."""
    met: Mapping[str, int]
    """How often each fault happened."""
    settled_s: float
    """From the last answer until everything was recorded."""


class UnreadableError(Exception):
    """One of those who count can't be asked."""


async def drill(count: int | None = None, plan: Plan = Plan()) -> DrillReport:
    """Play the plan. `count`: so many requests instead of what the plan's time makes."""
    seconds = plan.seconds if count is None else count / plan.rate
    async with CountedLab(pace_s=PACE_S) as primary, CountedLab(pace_s=PACE_S) as backup:
        dashboard = free_port()

        def written(port: int) -> str:
            return _configuration(port, dashboard, primary, backup)

        async with started(written) as gateway:
            try:
                seen = await _run(gateway, dashboard, (primary, backup), plan, seconds)
            except UnreadableError as problem:
                none_told = Figure("views that could not be read", 1, "", 1, sound=False, promise="none")
                return DrillReport("outage-run", (none_told,), (str(problem),))
    return report(seen)


def _configuration(port: int, dashboard: int, primary: CountedLab, backup: CountedLab) -> str:
    providers = "".join(
        f'[providers.{name}]\ndialect = "openai"\nbase_url = "{lab.base_url}"\nkey = "${{LAB_KEY}}"\n'
        for name, lab in (("primary", primary), ("backup", backup))
    )
    targets = list(TARGETS.values())
    # A list of texts is written in TOML as it is in JSON.
    routes = "".join(
        f"[routes.{name}]\ntargets = {json.dumps(targets[:1] if name == ROUTES[-1] else targets)}\n"
        for name in ROUTES
    )
    return (
        f"[gateway]\nport = {port}\n[dashboard]\nport = {dashboard}\n[processes]\nworkers = 2\n"
        "[defaults]\ndeadline_s = 6\nattempt_s = 1.5\nfirst_token_s = 1.5\nfirst_token_min_s = 1.5\n"
        "stall_s = 2\n"
        f"{providers}{routes}"
    )


async def _run(
    gateway: GatewayProcess, dashboard: int, labs: tuple[CountedLab, CountedLab], plan: Plan, seconds: float
) -> Seen:
    client = MixedLoad(int(gateway.address.rpartition(":")[2]), plan.rate, ROUTES, TARGETS, plan.seed)
    met: Counter[str] = Counter()
    client.start()
    try:
        for phase in plan.script:
            client.leaving = phase.leaving
            await _play(phase, labs, seconds * phase.share, plan.seed, met)
    finally:
        await client.stop()
    last = time.monotonic()
    await _settled(gateway, len(client.entries), last + SETTLED_MAX_S)
    settled_s = time.monotonic() - last
    told, shown, html = await asyncio.gather(
        *(_get(dashboard, path) for path in ("/metrics", "/api/overview", "/"))
    )
    return Seen(
        entries=client.entries,
        ledger=ledger(gateway.state / "outcomes.db"),
        metrics=told,
        overview=json.loads(shown),
        page=html,
        status=await ask_status(gateway),
        listed=await _listed(gateway),
        labs={name: lab.counted for name, lab in zip(TARGETS.values(), labs, strict=True)},
        met=met,
        settled_s=settled_s,
    )


async def _play(
    phase: Phase, labs: tuple[CountedLab, CountedLab], seconds: float, seed: int, met: Counter[str]
) -> None:
    for lab, fault in zip(labs, (phase.primary, phase.backup), strict=True):
        if fault:
            options: dict[str, Any] = dict(phase.options) if lab is labs[0] else {}
            lab.set_fault(fault, probability=phase.probability, seed=seed, **options)
    await asyncio.sleep(seconds)
    for lab, fault in zip(labs, (phase.primary, phase.backup), strict=True):
        if fault:
            met[f"{phase.name}: {fault}"] += lab.met
            lab.clear()


async def _settled(gateway: GatewayProcess, made: int, until: float) -> None:
    """Wait until as many outcomes are written as requests were made, or time is up."""
    while True:
        told = await ask_control(gateway)
        if told.outcomes("written") + told.outcomes("dropped") >= made or time.monotonic() >= until:
            return
        await asyncio.sleep(_POLL_S)


async def _get(port: int, path: str) -> str:
    """What the dashboard answers. Raises UnreadableError when it doesn't."""
    answer = HttpAnswer()
    try:
        async with asyncio.timeout(_ASK_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nhost: {HOST}:{port}\r\n\r\n".encode())
                while data := await reader.read(_READ_BYTES):
                    if answer.feed(data):
                        break
            finally:
                writer.transport.abort()
    except (OSError, AnswerError) as problem:
        raise UnreadableError(f"the dashboard does not answer {path}: {problem!r}") from None
    if answer.status != 200:
        raise UnreadableError(f"the dashboard answers {path} with {answer.status}: {answer.body[:200]!r}")
    return answer.body.decode()


async def _listed(gateway: GatewayProcess) -> dict[str, int]:
    """How many requests `halfopen requests` lists, page by page."""
    found: dict[str, int] = {}
    for option, measure in (("--failed", "all failed"), ("--rescued", "all rescued"), ("--gone", "all gone")):
        ids: set[str] = set()
        rows = 0
        before: int | None = 0
        while before is not None:
            shown = await _command(
                gateway, "requests", option, "--limit", str(_PAGE_ROWS), "--before", str(before)
            )
            rows += len(shown["requests"])
            ids |= {row["request_id"] for row in shown["requests"]}
            before = shown["next"]
        found[measure] = rows if rows == len(ids) else -1
    return found


async def _command(gateway: GatewayProcess, *words: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "halfopen", *words, "--state", str(gateway.state), "--json"),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    async with asyncio.timeout(_COMMAND_S):
        said, _ = await process.communicate()
    if process.returncode != 0:
        raise UnreadableError(f"halfopen {' '.join(words)} ended with status {process.returncode}")
    told: dict[str, Any] = json.loads(said)
    return told


def comparisons(seen: Seen) -> list[Comparison]:
    """Everything that is held against something else."""
    entries, book = seen.entries, seen.ledger
    told = metrics(seen.metrics)
    totals, series = overview(seen.overview)
    listed: Counter[Key] = Counter({(name,): count for name, count in seen.listed.items()})
    lost = _one("lost", book.lost)
    return [
        *(
            against_client(view, entries)
            for view in (book.rows, book.ever, book.minutes, told.view, totals, page(seen.page))
        ),
        against_client(View("halfopen requests", listed, tuple(seen.listed)), entries),
        times_against_client(book.ended, entries),
        compared("ledger, minutes", book.sums_by_minute, "its rows", book.rows_by_minute),
        compared("/api/overview, series", series, "ledger's rows", series_of(book.rows_by_minute)),
        compared("/metrics, the rest", told.known, "ledger", book.known),
        *(_against_lab(book, target, lab) for target, lab in seen.labs.items()),
        compared("ledger, lost", lost, "promise", _one("lost", 0)),
        compared("/metrics, lost", _one("lost", told.lost), "ledger", lost),
        compared("/api/overview, lost", _one("lost", seen.overview["lost"]), "ledger", lost),
        compared("halfopen status, lost", _one("lost", seen.status.outcomes("dropped")), "ledger", lost),
        compared(
            "halfopen status, written",
            _one("all", seen.status.outcomes("written")),
            "client",
            _one("all", len(entries)),
        ),
    ]


def _one(name: str, count: int) -> dict[Key, int]:
    return {(name,): count}


_UNSEEN: Final = frozenset({"connection_refused", "cancelled"})
"""Ends of calls that need not have come to the lab."""


def _against_lab(book: Ledger, target: str, lab: Mapping[str, int]) -> Comparison:
    """Calls, whole answers, and their tokens."""
    ends = attempts_at(book.known, target)
    calls = sum(count for end, count in ends.items() if end not in _UNSEEN)
    counts: dict[Key, int] = {("calls",): calls, ("answers",): ends[OK]}
    for name in ("input tokens", "output tokens"):
        counts[name,] = book.spent[name, target]
    return compared(f"ledger, {target}", counts, "lab", {(name,): count for name, count in lab.items()})


def report(seen: Seen) -> DrillReport:
    """The figures, and a line for each number in which two don't agree."""
    entries = seen.entries
    made = comparisons(seen)
    results = Counter(entry.result for entry in entries)
    strange = [entry for entry in entries if entry.problem or entry.result == NO_END]
    figures = [
        Figure(
            f"{each.view}, beside {each.other}: numbers that don't agree",
            len(each.differences),
            f"of {each.numbers}",
            each.total,
            sound=not each.differences and each.numbers > 0,
            promise="none",
        )
        for each in made
    ]
    never = sorted(name for name, count in seen.met.items() if not count)
    figures += [
        proportion("answers that the client could judge", len(entries) - len(strange), len(entries)),
        *(
            [proportion("faults of the script that happened", len(seen.met) - len(never), len(seen.met))]
            if seen.met
            else []
        ),
        Figure(
            "time until everything was recorded",
            seen.settled_s,
            "s",
            len(entries),
            sound=seen.settled_s <= SETTLED_MAX_S,
            promise=f"at most {SETTLED_MAX_S:g}",
        ),
    ]
    figures += [
        Figure(f"requests that ended with {name}", count, "", len(entries))
        for name, count in results.most_common()
    ]
    figures.append(
        Figure("requests that were rescued", sum(entry.rescued for entry in entries), "", len(entries))
    )
    differences = [difference for each in made for difference in each.differences]
    failures = [each.line() for comparison in made for each in comparison.differences[:_SHOWN]]
    failures += [
        f"request {entry.number} ({entry.request_id}): {entry.problem}" for entry in strange[:_SHOWN]
    ]
    failures += [f"never happened: {name}" for name in never]
    return DrillReport(
        "outage-run", tuple(figures), tuple(failures), tuple(each.row() for each in differences)
    )
