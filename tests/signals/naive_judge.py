"""Figures and objectives reckoned from raw requests, one by one, without anything of `halfopen.signals`.

Slow and plain on purpose: it is the second hand that the quick one is held against.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor

from halfopen.model import Outcome

OWN = ("invalid_request", "context_too_long", "content_filtered", "request_too_large", "unknown_model")
NOT_ANSWERS = ("cut_body", "empty_answer", "not_json", "malformed_answer", "no_finish", "error_event")
NOT_FIT = "no model of that name there"


def result_of(outcome: Outcome) -> str:
    """ok, client_gone, or the kind of the fault."""
    if outcome.client_gone:
        return "client_gone"
    return "ok" if outcome.fault is None else outcome.fault.kind.value


def in_minutes(outcomes: Iterable[Outcome], now: float, window_s: int) -> list[Outcome]:
    """Those that ended in the last whole minutes, the one that runs included."""
    end = (floor(now / 60) + 1) * 60
    return [each for each in outcomes if end - window_s <= floor(each.ended / 60) * 60 < end]


def is_rescued(outcome: Outcome) -> bool:
    """Whether it was answered whole, but not by the first try at the first choice."""
    if result_of(outcome) != "ok":
        return False
    if any(skip.reason != NOT_FIT for skip in outcome.skips):
        return True
    return any(attempt.fault is not None for attempt in outcome.attempts)


@dataclass
class Goal:
    """An objective, as a person would put it."""

    promise: str
    target: float
    routes: tuple[str, ...] = ()
    limit: float = 0.0
    samples_min: int = 1
    bad_min: int = 1


def verdict(goal: Goal, outcome: Outcome) -> bool | None:
    """Whether a request kept the objective; None: it doesn't count."""
    result = result_of(outcome)
    if goal.routes and outcome.route not in goal.routes:
        return None
    if goal.promise == "availability":
        return None if result == "client_gone" or result in OWN else result == "ok"
    if goal.promise == "valid":
        for attempt in outcome.attempts:
            if attempt.fault is not None and attempt.fault.kind.value in NOT_ANSWERS:
                return False
        return True if result == "ok" else None
    last = outcome.attempts[-1]
    if result != "ok" or last.first_content is None:
        return None
    if goal.promise == "first_token":
        return last.first_content - outcome.arrived <= goal.limit
    tokens = outcome.usage.output_tokens if outcome.usage else 0
    if not outcome.stream or not tokens or outcome.ended <= last.first_content:
        return None
    return tokens / (outcome.ended - last.first_content) >= goal.limit


def good_and_all(goal: Goal, outcomes: Sequence[Outcome], now: float, window_s: int) -> tuple[int, int]:
    """Requests of a window that kept it, and all that count."""
    verdicts = [verdict(goal, each) for each in in_minutes(outcomes, now, window_s)]
    return verdicts.count(True), verdicts.count(True) + verdicts.count(False)


def burning(goal: Goal, outcomes: Sequence[Outcome], now: float) -> list[tuple[str, float | None, bool]]:
    """Of each pair of windows: severity, rate of the longer one, whether it fires."""
    told = []
    for severity, longer, shorter, limit in (
        ("page", 60, 5, 14.4),
        ("page", 360, 30, 6),
        ("ticket", 3 * 24 * 60, 360, 1),
    ):
        good, every = good_and_all(goal, outcomes, now, longer * 60)
        bad = every - good
        if every < goal.samples_min or bad < goal.bad_min:
            told.append((severity, None, False))
            continue
        good_lately, every_lately = good_and_all(goal, outcomes, now, shorter * 60)
        slow = bad / every / (1 - goal.target)
        quick = (every_lately - good_lately) / every_lately / (1 - goal.target) if every_lately else 0.0
        told.append((severity, slow, slow > limit and quick > limit))
    return told


def exact_percentile(values: Iterable[float], share: float) -> float | None:
    """The value of that rank; None: there are none."""
    ordered = sorted(values)
    return ordered[floor(share * (len(ordered) - 1))] if ordered else None
