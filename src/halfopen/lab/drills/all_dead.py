"""All upstreams are dead: the error comes in time, once, and names the most useful cause."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import openai

from halfopen.lab import faults
from halfopen.lab.drills.figure import DrillReport, Figure, proportion
from halfopen.lab.fault import ALL_DIALECTS
from halfopen.lab.matrix.case import MODELS
from halfopen.lab.matrix.seen import Seen, asking
from halfopen.lab.matrix.setting import spec_of, started, target_of
from halfopen.lab.matrix.verdict import described
from halfopen.lab.server import HOST, LabProvider
from halfopen.policy import JourneyOptions
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import RouteSpec, Snapshot

DEADLINE_S = 2.5
GRACE_S = 0.5
ATTEMPT_S = 0.8
ASKED_BETWEEN = 6
"""So many questions are asked, at once, between the first and the last: what breakers and parking then
remember must not hide the cause."""
JOBS = 6
"""Combinations that are played at the same time, each with a gateway of its own."""
_LIMIT_S = 30.0
_ROUTE = "gpt-4o-mini"


@dataclass(frozen=True, slots=True)
class Combination:
    """One way in which all upstreams are dead, in the order of the route."""

    faults: tuple[tuple[str, str], ...]
    """(dialect, fault) of each target."""
    kinds: tuple[str, ...]
    """The causes of which one must be named."""
    why: str

    @property
    def name(self) -> str:
        """The faults, joined."""
        return " + ".join(fault for _, fault in self.faults)

    @property
    def modes(self) -> tuple[str, ...]:
        """Plain and stream, as far as all the faults have them."""
        loaded = [faults.load(name) for _, name in self.faults]
        return tuple(mode for mode in ("plain", "stream") if all(mode in each.modes for each in loaded))


def _pair(primary: str, backup: str, kinds: str, why: str) -> Combination:
    return Combination((("openai", primary), ("anthropic", backup)), tuple(kinds.split("|")), why)


COMBINATIONS = (
    _pair(
        "openai_500_server_error", "anthropic_529_overloaded", "server_error", "the asked target's own word"
    ),
    _pair("refused", "anthropic_401_authentication", "bad_key", "a key can be mended, and hides the rest"),
    _pair("openai_401_invalid_api_key", "refused", "bad_key", "in either order"),
    _pair("hang_before_headers", "anthropic_402_billing", "quota_exhausted", "a bill can be paid"),
    _pair("openai_429_insufficient_quota", "hang_before_headers", "quota_exhausted", "in either order"),
    _pair(
        "openai_500_server_error",
        "anthropic_401_authentication",
        "bad_key",
        "a 500 passes, a bad key does not",
    ),
    _pair("http_500_masked_401", "anthropic_529_overloaded", "bad_key", "a 401 inside a 500 is a bad key"),
    _pair("openai_500_server_error", "anthropic_429_rate_limit", "rate_limited", "it says when to come back"),
    _pair("refused", "anthropic_500_api_error", "server_error", "the provider's word beats a dead line"),
    _pair("http_502_cloudflare", "refused", "bad_gateway|edge_error", "the edge's word beats a dead line"),
    _pair(
        "openai_404_model_not_found",
        "anthropic_500_api_error",
        "model_not_found",
        "our configuration is wrong",
    ),
    _pair(
        "openai_500_server_error",
        "anthropic_400_prompt_too_long",
        "server_error",
        "the prompt is only too long for the stand-in",
    ),
    _pair(
        "reset_after_request",
        "hang_before_headers",
        "connection_reset|no_response|first_token_timeout",
        "either says where to look",
    ),
    _pair(
        "hang_before_headers",
        "hang_after_headers",
        "no_response|first_token_timeout",
        "nothing else is known",
    ),
    _pair(
        "stream_cut_before_content",
        "anthropic_529_overloaded",
        "overloaded",
        "the provider's word beats a cut",
    ),
    _pair("ok_html", "anthropic_401_authentication", "bad_key", "a page for people says nothing"),
    Combination(
        (
            ("openai", "refused"),
            ("anthropic", "anthropic_529_overloaded"),
            ("gemini", "gemini_429_credits_depleted"),
        ),
        ("quota_exhausted",),
        "of three the one that somebody can mend",
    ),
    Combination(
        (("openai", "hang_before_headers"), ("anthropic", "hang_before_headers"), ("gemini", "refused")),
        ("no_response", "first_token_timeout", "connection_refused"),
        "within the deadline however many hang",
    ),
)

STATUSES: Mapping[str, frozenset[int]] = MappingProxyType(
    {
        "bad_key": frozenset({401}),
        "quota_exhausted": frozenset({402, 429}),
        "rate_limited": frozenset({429}),
        "context_too_long": frozenset({400, 413}),
        "model_not_found": frozenset({404}),
    }
)
"""The statuses that fit a kind; any other kind: 5xx."""


async def drill(count: int | None = None) -> DrillReport:
    """Play the first `count` combinations (default all), plain and streamed."""
    cases = [(each, mode) for each in COMBINATIONS[:count] for mode in each.modes]
    waiting = list(enumerate(cases))
    played: dict[int, list[dict[str, Any]]] = {}

    async def work() -> None:
        while waiting:
            index, (combination, mode) = waiting.pop(0)
            played[index] = await play(combination, mode)

    async with asyncio.TaskGroup() as group:
        for _ in range(JOBS):
            group.create_task(work())
    rows = [row for index in sorted(played) for row in played[index]]
    bad = [row for row in rows if row["problems"]]
    slowest = max((row["duration_s"] for row in rows), default=0.0)
    return DrillReport(
        "all-dead",
        (
            proportion("errors in time that name the most useful cause", len(rows) - len(bad), len(rows)),
            Figure(
                "slowest error",
                slowest,
                "s",
                len(rows),
                sound=slowest <= DEADLINE_S + GRACE_S,
                promise=f"at most {DEADLINE_S + GRACE_S:g} s",
            ),
        ),
        tuple(
            f"{row['faults']} {row['mode']}, question {row['question']}: {row['problems'][0]}" for row in bad
        ),
        tuple(rows),
    )


async def play(combination: Combination, mode: str) -> list[dict[str, Any]]:
    """Ask once, some times at once, and once more; the rows of the first and of the last time."""
    providers = [LabProvider(dialect) for dialect, _ in combination.faults]
    assert all(dialect in ALL_DIALECTS for dialect, _ in combination.faults)
    try:
        for provider, (_, fault) in zip(providers, combination.faults, strict=True):
            await provider.start()
            provider.set_fault(fault)
        server = await started(_snapshot(providers))
        try:
            async with asking(f"http://{HOST}:{server.port}/v1") as asker:

                def ask() -> Coroutine[Any, Any, Seen]:
                    return asker.ask(_ROUTE, "Is anybody there?", stream=mode == "stream", limit_s=_LIMIT_S)

                first = await ask()
                between = await asyncio.gather(*(asyncio.create_task(ask()) for _ in range(ASKED_BETWEEN)))
                seen = [first, *between, await ask()]
        finally:
            await server.stop()
        met = [provider.met for provider in providers]
    finally:
        for provider in providers:
            await provider.stop()
    rows = [_row(combination, mode, number, each) for number, each in ((1, seen[0]), (len(seen), seen[-1]))]
    if not all(met):
        rows[0]["problems"].append(f"a fault never happened: {met}")
    return rows


def _snapshot(providers: list[LabProvider]) -> Snapshot:
    options = JourneyOptions(deadline_s=DEADLINE_S, attempt_s=ATTEMPT_S, first_token_s=ATTEMPT_S)
    targets = tuple(target_of(each) for each in providers)
    specs = {spec_of(each).name: spec_of(each) for each in providers}
    assert MODELS[providers[0].dialect] == _ROUTE
    return Snapshot(Gateway(), specs, {_ROUTE: RouteSpec(_ROUTE, targets, options)})


def _row(combination: Combination, mode: str, number: int, seen: Seen) -> dict[str, Any]:
    error = seen.error
    body = error.body if isinstance(error, openai.APIStatusError) and isinstance(error.body, dict) else {}
    ours: Any = body.get("halfopen") or {}
    row: dict[str, Any] = {
        "faults": combination.name,
        "mode": mode,
        "question": number,
        "expected": list(combination.kinds),
        "why": combination.why,
        "kind": ours.get("kind"),
        "status": seen.status,
        "message": body.get("message"),
        "client_requests": seen.requests,
        "duration_s": round(seen.duration_s, 3),
    }
    return {**row, "problems": _problems(combination, seen, row, ours)}


def _problems(combination: Combination, seen: Seen, row: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    problems = []
    if seen.error is None or row["kind"] is None:
        told = "an answer" if seen.error is None else described(seen.error)
        return [f"{told} instead of the gateway's error"]
    if row["kind"] not in combination.kinds:
        problems.append(
            f"it names {row['kind']} instead of {' or '.join(combination.kinds)}: {row['message']}"
        )
    elif row["status"] not in STATUSES.get(row["kind"], frozenset(range(500, 600))):
        problems.append(f"status {row['status']} does not fit {row['kind']}")
    if seen.duration_s > DEADLINE_S + GRACE_S:
        problems.append(f"it came after {seen.duration_s:.2f} s")
    if seen.headers.get("x-should-retry") != "false":
        problems.append("x-should-retry is not false")
    if seen.requests != 1:
        problems.append(f"the client sent {seen.requests} requests")
    if not ours.get("remedy") or not row["message"]:
        problems.append("no message or no remedy")
    return problems
