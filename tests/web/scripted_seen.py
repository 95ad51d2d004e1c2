"""A gateway that is as the test says: nothing yet, in health, in an outage, recovering."""

from typing import Any

import msgspec

from halfopen.model import Attempt, Continuation, Fault, Kind, Outcome, Place, Skip, Usage, Verdict
from halfopen.seams.ledger import LIMIT_MAX, Kept, Only, Search
from halfopen.seams.outcome_store import StoreError
from halfopen.signals.burn import BurnRate
from halfopen.signals.overview import (
    Caller,
    Figures,
    Health,
    ObjectiveState,
    Overview,
    Route,
    Series,
    Upstream,
    UpstreamState,
)

NOW_S = 1_764_000_000.0
"""Of the script, unless it is given a clock."""
TARGETS = ("openai/gpt-4o-mini", "claude/claude-haiku-4-5", "local/gemma-3-270m")
STATES = ("empty", "health", "outage", "recovery")
SENTENCES = {
    "empty": ("", Health.IDLE),
    "health": ("Users are served: 4,210 requests in 5 min, all answered whole.", Health.OK),
    "outage": (
        "3 % of requests to gpt-4o-mini fail: openai/gpt-4o-mini answers server_error. Claude rescues the rest.",
        Health.FAILING,
    ),
    "recovery": (
        "Users are served, 12 % of them by a rescue: openai/gpt-4o-mini is on probation.",
        Health.RESCUING,
    ),
}
_BREAKERS = {"empty": "closed", "health": "closed", "outage": "open", "recovery": "half_open"}


def figures(state: str, part: float = 1.0, more: int = 0) -> Figures:
    """Of a stretch of time."""
    if state == "empty":
        return Figures(requests=more, answered=more)
    failed = int(126 * part) if state == "outage" else 0
    rescued = {"outage": int(3800 * part), "recovery": int(505 * part)}.get(state, 0)
    gone = int(9 * part)
    requests = int(4210 * part) + more
    return Figures(
        requests=requests,
        answered=requests - failed - gone,
        rescued=rescued,
        failed=failed,
        gone=gone,
        by_kind={"no_capacity": failed // 3, "server_error": failed - failed // 3} if failed else {},
        per_s=requests / 300,
        p50_ms=812.0,
        p95_ms=2_410.0 if state == "health" else 9_120.0,
        p99_ms=4_100.0 if state == "health" else 22_400.0,
        first_content_p50_ms=310.0,
        first_content_p95_ms=905.0 if state == "health" else 6_300.0,
        tokens_per_s=71.3,
        input_tokens=int(1_100_000 * part),
        output_tokens=int(310_000 * part),
        wasted_tokens=0 if state == "health" else int(41_000 * part),
        cost_usd=1.8342 * part,
        wasted_usd=0.0 if state == "health" else 0.0713 * part,
    )


def series(state: str, now_s: float, minutes: int = 90) -> Series:
    """Ninety minutes, the last twenty of them as the state says."""
    start = (
        [int(now_s // 60 - minutes + 1 + each) * 60 for each in range(minutes)] if state != "empty" else []
    )
    wave = [760 + (each * 37) % 140 for each in range(len(start))]
    bad = [state == "outage" and each >= minutes - 20 for each in range(len(start))]
    healing = [state == "recovery" and minutes - 30 <= each < minutes - 4 for each in range(len(start))]
    failed = [30 + each % 11 if is_bad else 0 for each, is_bad in enumerate(bad)]
    rescued = [
        count - lost if is_bad else count // 2 if is_healing else 0
        for count, lost, is_bad, is_healing in zip(wave, failed, bad, healing, strict=True)
    ]
    return Series(
        start_s=start,
        answered=[c - f - r for c, f, r in zip(wave, failed, rescued, strict=True)],
        rescued=rescued,
        failed=failed,
        gone=[each % 3 for each in range(len(start))],
        p50_ms=[800.0 + (each * 13) % 90 for each in range(len(start))],
        p95_ms=[
            (9_000.0 if b or h else 2_300.0) + (i * 71) % 400
            for i, (b, h) in enumerate(zip(bad, healing, strict=True))
        ],
        cost_usd=[0.36 + (each % 9) / 60 for each in range(len(start))],
        wasted_usd=[0.05 if b or h else 0.0 for b, h in zip(bad, healing, strict=True)],
    )


def upstreams(state: str, now_s: float) -> list[Upstream]:
    """The three targets."""
    if state == "empty":
        return [Upstream(target=target) for target in TARGETS]
    failing = state == "outage"
    first = Upstream(
        target=TARGETS[0],
        attempts=620 if failing else 4210,
        failed=618 if failing else 2,
        cancelled=3,
        by_kind={"server_error": 600, "no_response": 18} if failing else {"connection_reset": 2},
        skipped={"breaker_open": 3600} if failing else {},
        per_s=2.1,
        p50_ms=820.0,
        p95_ms=2_400.0,
        cost_usd=1.2,
        state=UpstreamState(
            target=TARGETS[0],
            breaker=_BREAKERS[state],
            workers_open=0 if state == "health" else 2,
            workers=2,
            opened_wall_s=None if state == "health" else now_s - 1210,
            last_fault="" if state == "health" else "server_error",
            in_flight=1 if failing else 14,
            limit=40,
            requests_left=480,
            requests_max=500,
            tokens_left=9_000,
            tokens_max=200_000,
        ),
    )
    second = Upstream(
        target=TARGETS[1],
        attempts=3700 if failing else 12,
        failed=31 if failing else 0,
        by_kind={"rate_limited": 31} if failing else {},
        per_s=12.4,
        p50_ms=1_210.0,
        p95_ms=5_400.0,
        cost_usd=0.6,
        state=UpstreamState(
            target=TARGETS[1],
            workers=2,
            in_flight=38 if failing else 0,
            limit=38,
            waiting=6 if failing else 0,
            throttled_s=4.0 if failing else 0.0,
            parked={"ANTHROPIC_API_KEY_2": "quota_exhausted"} if failing else {},
        ),
    )
    return [first, second, Upstream(target=TARGETS[2])]


def overview(state: str, now_s: float, more: int = 0) -> dict[str, Any]:
    """The whole, as JSON has it."""
    sentence, health = SENTENCES[state]
    own = figures(state, 1.0, more)
    routes = [
        Route(
            name="gpt-4o-mini",
            targets=list(TARGETS),
            health=health,
            figures=figures(state, 0.8, more),
            by_target={TARGETS[0]: 12, TARGETS[1]: 3200}
            if state == "outage"
            else {TARGETS[0]: 3368, "old/model": 2},
            waiting=6 if state == "outage" else 0,
        ),
        Route(
            name="small",
            targets=[TARGETS[0], TARGETS[2]],
            health=Health.IDLE,
            figures=Figures(),
            by_target={},
        ),
    ]
    burning = state == "outage"
    objectives = [
        ObjectiveState(
            name="answered",
            promise="availability",
            target=0.999,
            days=30,
            good=119_900,
            total=120_026,
            kept=119_900 / 120_026,
            budget_left=-0.05 if burning else 0.62,
            burn=[
                BurnRate(severity="page", long_s=3600, short_s=300, threshold=14.4, long_rate=16.1 if burning else 0.2, short_rate=30.0 if burning else 0.0, firing=burning),
                BurnRate(severity="ticket", long_s=259_200, short_s=21_600, threshold=1.0, long_rate=None, short_rate=None, firing=False),
            ],
        )
    ]  # fmt: skip
    whole = Overview(
        at_s=now_s,
        health=health,
        since_s=None if state == "empty" else now_s - 1260,
        sentence=sentence,
        window_s=300,
        snapshot="ab12cd34ef56",
        figures=own,
        totals=Figures(requests=more) if state == "empty" else figures("outage", 40.0, more),
        lost=0 if state in ("empty", "health") else 17,
        routes=[] if state == "empty" else routes,
        upstreams=upstreams(state, now_s),
        callers=[]
        if state == "empty"
        else [Caller(name="checkout", figures=own), Caller(name="", figures=figures(state, 0.1))],
        objectives=[] if state == "empty" else objectives,
        series=series(state, now_s),
        problems=["outcomes can't be stored: database or disk is full"] if state == "outage" else [],
    )
    told = msgspec.to_builtins(whole)
    assert isinstance(told, dict)
    return told


FAULT = Fault(
    kind=Kind.SERVER_ERROR,
    verdict=Verdict.FAILOVER,
    place=Place.PROVIDER,
    message="The server had an error while processing your request <b>& sorry</b>",
    remedy="Nothing on your side; another target answers.",
    status=500,
    request_id="req_0123456789",
)


HOSTILE = '<script>window.hacked = 1</script><svg/onload="window.hacked = 1"> &amp; "quoted"'
"""What nobody's browser may take for more than text."""
CONTENT = {
    "prompt": {
        "messages": [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief.\nBe kind."}]},
            {"role": f"user{HOSTILE[:8]}", "parts": [
                {"type": "text", "content": f"{HOSTILE} Write to [email] about card [card].", "left_out_bytes": 5120},
                {"type": "blob", "content": "image_url image/png, about 48213 bytes"},
            ]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "content": "x" * 400}]},
        ],
        "left_out": 3,
    },
    "answer": {
        "messages": [{"role": "assistant", "parts": [
            {"type": "reasoning", "content": "They want a letter."},
            {"type": "text", "content": "Dear customer,\n\n  your key [key ending 4rS6] was refused."},
            {"type": "tool_call", "name": "send<b>", "content": '{"to": "[email]"}'},
        ]}],
        "left_out": 0,
    },
    "cut": True,
    "masked": 4,
}  # fmt: skip
"""As control tells it: what is empty is left out."""


def outcome(number: int) -> Outcome:
    """A rescued one: two attempts failed, one was cut and continued."""
    at = 1000.0 + number
    return Outcome(
        request_id=f"ho-{number}",
        route="gpt-4o-mini",
        stream=True,
        arrived=at,
        ended=at + 4.2,
        attempts=(
            Attempt(
                TARGETS[0],
                at + 0.12,
                at + 0.9,
                connected=at + 0.2,
                first_byte=at + 0.88,
                status=500,
                fault=FAULT,
            ),
            Attempt(TARGETS[0], at + 1.2, at + 1.6, connected=at + 1.21, cancelled=True),
            Attempt(
                TARGETS[1],
                at + 1.6,
                at + 4.2,
                connected=at + 1.7,
                first_byte=at + 2.1,
                first_content=at + 2.3,
                status=200,
                usage=Usage(310, 128),
            ),
        ),
        skips=(Skip(TARGETS[2], "context_too_small"),),
        served_by=TARGETS[1],
        fault=None,
        client_gone=False,
        usage=Usage(310, 128),
        continuations=(Continuation(TARGETS[1], "cut_body", 412),),
        caller="checkout",
        snapshot="ab12cd34ef56",
    )


def kept(number: int, now_s: float, state: str) -> Kept:
    """A row: every fifth is rescued in an outage, every seventh fails, every eleventh was given up."""
    is_bad = state in ("outage", "recovery")
    failed = state == "outage" and number % 7 == 0
    gone = number % 11 == 0 and not failed
    rescued = is_bad and number % 5 == 0 and not failed and not gone
    return Kept(
        number=number,
        request_id=f"ho-{number}",
        route="gpt-4o-mini",
        client="chat",
        caller="checkout" if number % 2 else "",
        snapshot="ab12cd34ef56",
        stream=bool(number % 3),
        ended_wall_s=now_s - (1000 - number) * 2.5,
        duration_ms=4200.0 if rescued else 800.0 + number % 90,
        queue_ms=4.0,
        connect_ms=None if number % 2 else 31.0,
        first_byte_ms=240.0,
        first_content_ms=None if failed else 310.0,
        served_by=None if failed or gone else TARGETS[1] if rescued else TARGETS[0],
        input_tokens=310,
        output_tokens=None if failed else 128,
        cached_tokens=0,
        received_bytes=1830,
        sent_bytes=5120,
        skipped=f"{TARGETS[2]}: context_too_small" if rescued else None,
        cost_nusd=123_400,
        rescued=rescued,
        kind="server_error" if failed else None,
        client_gone=gone,
        attempts=3 if rescued else 2 if failed else 1,
        wasted_tokens=310 if rescued else 0,
        wasted_nusd=46_500 if rescued else 0,
    )


class ScriptedSeen:
    """Answers by the script. Change `state`, `more` and `broken` at any time."""

    def __init__(self, state: str = "health", wall: Any = lambda: NOW_S) -> None:
        self.state = state
        self.wall = wall
        self.more = 0
        """Requests that came since the script began."""
        self.broken = ""
        """Why the store can't be read."""
        self.asked = 0
        """How often the overview was wanted."""

    def overview(self) -> dict[str, Any]:
        """As the state says."""
        self.asked += 1
        return overview(self.state, self.wall(), self.more)

    def status(self) -> dict[str, Any]:
        """A little of it."""
        return {"snapshot": "ab12cd34ef56", "problems": []}

    def configuration(self) -> dict[str, Any]:
        """A snapshot."""
        problem = "halfopen.toml:12: routes.x: there is no provider nobody" if self.state == "outage" else ""
        target = {
            "provider": "openai",
            "model": "gpt-4o-mini",
            "price": {"input": 0.15, "output": 0.6},
            "weights": [1, 2],
        }
        return {
            "id": "ab12cd34ef56",
            "since_s": self.wall() - 86_400 * 2 - 3 * 3600,
            "path": "/srv/halfopen/halfopen.toml",
            "problem": problem,
            "content": {
                "gateway": {"host": "127.0.0.1", "port": 8500, "deadline_s": 60.0},
                "providers": {
                    "openai": {
                        "dialect": "openai",
                        "base_url": "https://api.openai.com/v1",
                        "key": "${OPENAI_API_KEY}",
                    },
                    "claude": {"dialect": "anthropic", "key": "${ANTHROPIC_API_KEY}", "headers": []},
                },
                "routes": {"gpt-4o-mini": {"targets": [target, target], "deadline_s": 60.0}},
                "redis": {},
                "objectives": {},
            },
        }

    def _check(self) -> None:
        if self.broken:
            raise StoreError(self.broken)

    async def requests(self, search: Search) -> list[Kept]:
        """A thousand, and those that came since."""
        self._check()
        if self.state == "empty":
            return []
        rows = (kept(number, self.wall(), self.state) for number in range(1000 + self.more, 0, -1))
        wanted = {
            Only.ALL: lambda _row: True,
            Only.FAILED: lambda row: row.kind is not None,
            Only.RESCUED: lambda row: row.rescued,
            Only.GONE: lambda row: row.client_gone,
        }[search.only]
        found = [
            row
            for row in rows
            if wanted(row)
            and (not search.before or row.number < search.before)
            and search.route in ("", row.route)
            and search.target in ("", row.served_by)
            and search.caller in ("", row.caller)
            and search.kind in ("", row.kind)
            and search.since_s <= row.ended_wall_s < search.until_s
        ]
        return found[: min(search.limit, LIMIT_MAX)]

    async def request(self, request_id: str) -> dict[str, Any] | None:
        """By its number."""
        self._check()
        number = int(request_id.removeprefix("ho-")) if request_id.removeprefix("ho-").isdigit() else 0
        if self.state == "empty" or not 0 < number <= 1000 + self.more:
            return None
        row = msgspec.to_builtins(kept(number, self.wall(), self.state))
        del row["detail"]
        whole = msgspec.to_builtins(outcome(number)) if row["attempts"] > 1 else None
        return {"row": row, "outcome": whole, "content": CONTENT if row["stream"] else None}

    async def spend(self, days: int) -> dict[str, Any]:
        """As much each day."""
        self._check()
        names = {
            "by_day": [f"2026-11-{day:02}" for day in range(24, 24 - min(days, 14), -1)],
            "by_route": ["gpt-4o-mini", "small"],
            "by_target": list(TARGETS),
            "by_caller": ["checkout", ""],
        }
        empty = self.state == "empty"
        rows: dict[str, Any] = {
            key: [
                {
                    "name": name,
                    "requests": 1200 + self.more,
                    "cost_usd": 3.21 / (place + 1),
                    "wasted_usd": 0.4 / (place + 2) if self.state != "health" else 0.0,
                    "input_tokens": 1_200_000,
                    "output_tokens": 310_000,
                    "wasted_tokens": 2100,
                }
                for place, name in enumerate([] if empty else each)
            ]
            for key, each in names.items()
        }
        return {"days": days, **rows}

    def metrics(self, *, as_openmetrics: bool = False) -> bytes:
        """One line of it."""
        family = "halfopen_requests" if as_openmetrics else "halfopen_requests_total"
        end = "# EOF\n" if as_openmetrics else ""
        return f"# TYPE {family} counter\nhalfopen_requests_total 4210\n{end}".encode()
