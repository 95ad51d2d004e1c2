"""Everything at one look: `Overview`, made of counts and of what workers say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from halfopen.signals.digests import Digests
from halfopen.signals.fault_owner import is_failure
from halfopen.signals.fold import MINUTE_S
from halfopen.signals.health import JUDGED_MINUTES, health_now, health_of_tallies, since, told
from halfopen.signals.overview import (
    Caller,
    ObjectiveState,
    Overview,
    Route,
    Upstream,
    UpstreamState,
)
from halfopen.signals.sentence import Cause, sentence
from halfopen.signals.tally import Tallies, Tally, TargetTally, largest, milliseconds, ordered, tally_of, usd
from halfopen.signals.windows import Windows

WINDOW_S: Final = 300
CALLERS_MAX: Final = 20
"""Those that ask most."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What else is known than counts."""

    snapshot: str = ""
    routes: Mapping[str, Sequence[str]] = {}
    """The targets of each route, in order of preference."""
    heard: bool = True
    """Whether control hears from a worker."""
    states: Mapping[str, UpstreamState] = {}
    lost: int = 0
    objectives: Sequence[ObjectiveState] = ()
    problems: Sequence[str] = ()


def survey(windows: Windows, digests: Digests, now_s: float, known: Known) -> Overview:
    """How everything is.

    Args:
        windows: The counts.
        digests: Follows them.
        now_s: Seconds since the Unix epoch.
        known: What else is known.
    """
    digests.follow(windows)
    latest = int(now_s // MINUTE_S) * MINUTE_S
    window_from = latest - WINDOW_S + MINUTE_S
    covered_s = max(now_s - max(window_from, min(windows.minutes, default=latest)), 1.0)
    tallies = Tallies()
    for one in digests.tallies(window_from):
        tallies.add(one)
    lately = digests.tallies(latest - (JUDGED_MINUTES - 1) * MINUTE_S)
    minutes = digests.minutes()
    health = health_now(minutes, now_s, heard=known.heard)
    since_s = since(minutes, health)
    return Overview(
        at_s=now_s,
        health=health,
        since_s=since_s,
        sentence=sentence(health, tallies.all, _cause(tallies), since_s, WINDOW_S),
        window_s=WINDOW_S,
        snapshot=known.snapshot,
        figures=tallies.all.figures(covered_s),
        totals=tally_of(windows.ever).figures(),
        lost=known.lost,
        routes=_routes(tallies, lately, known, covered_s),
        upstreams=_upstreams(tallies, known, covered_s),
        callers=_callers(tallies, covered_s),
        objectives=list(known.objectives),
        series=digests.series(now_s),
        problems=list(known.problems),
    )


def _cause(tallies: Tallies) -> Cause:
    served: Counter[str] = Counter()
    for counts in tallies.served.values():
        served.update(counts)
    return Cause(
        fault=largest(
            ((target, kind), count)
            for target, one in tallies.targets.items()
            for kind, count in one.by_kind.items()
            if is_failure(kind)
        ),
        passed_over=largest(
            ((target, reason), count)
            for target, one in tallies.targets.items()
            for reason, count in one.skipped.items()
        ),
        served=ordered(served),
    )


def _routes(tallies: Tallies, lately: Sequence[Tallies], known: Known, covered_s: float) -> list[Route]:
    """Those of the configuration in its order, and then others that were asked for."""
    others = sorted(name for name in tallies.routes if name not in known.routes)
    return [
        Route(
            name=name,
            targets=list(known.routes.get(name, ())),
            health=told(
                health_of_tallies(one.routes[name] for one in lately if name in one.routes), heard=known.heard
            ),
            figures=tallies.routes.get(name, Tally()).figures(covered_s),
            by_target=ordered(tallies.served.get(name, Counter())),
            waiting=_waiting(known, known.routes.get(name, ())),
        )
        for name in (*known.routes, *others)
    ]


def _waiting(known: Known, targets: Sequence[str]) -> int:
    """A route's line waits for all of its targets; the lines of other routes may wait for some of them."""
    return min((known.states[target].waiting for target in targets if target in known.states), default=0)


def _upstreams(tallies: Tallies, known: Known, covered_s: float) -> list[Upstream]:
    configured = dict.fromkeys(target for targets in known.routes.values() for target in targets)
    others = sorted(name for name in {*tallies.targets, *known.states} if name and name not in configured)
    made = []
    for target in (*configured, *others):
        one = tallies.targets.get(target) or TargetTally()
        made.append(
            Upstream(
                target=target,
                attempts=one.attempts,
                failed=one.failed,
                cancelled=one.cancelled,
                by_kind=ordered(one.by_kind),
                skipped=ordered(one.skipped),
                per_s=one.attempts / covered_s,
                p50_ms=milliseconds(one.times, 0.5),
                p95_ms=milliseconds(one.times, 0.95),
                cost_usd=usd(one.cost_nusd),
                state=known.states.get(target),
            )
        )
    return made


def _callers(tallies: Tallies, covered_s: float) -> list[Caller]:
    most = sorted(tallies.callers.items(), key=lambda item: (-item[1].requests, item[0]))
    return [Caller(name=name, figures=tally.figures(covered_s)) for name, tally in most[:CALLERS_MAX]]
