"""Outcomes made into counts: rescues, waste, truncations, money. What fold says of one request is told in words."""

from typing import Any

import pytest

from halfopen import errors
from halfopen.app.processes.outcome_rows import outcome_of, rows
from halfopen.model import Attempt, Continuation, Kind, Outcome, Price, Skip, Usage
from halfopen.seams.outcome_store import CONTEXT, DETAILED, PRICED
from halfopen.seams.sums import ATTEMPT_COUNTS, REQUEST_COUNTS, Sums
from halfopen.signals.fold import fold

WALL_S = 1_700_000_000.0
PRICES = {"p/m": Price(input=1.0, output=10.0), "q/m": Price(input=2.0, output=20.0)}
REFUSED = "breaker open"
FAULT = errors.make(Kind.SERVER_ERROR)
CUT = errors.make(Kind.CUT_BODY)


def attempt(target: str = "p/m", began: float = 0.0, **more: Any) -> Attempt:
    """One call; its content begins a tenth of a second after it."""
    return Attempt(target, began, began + 1.0, **{"first_content": began + 0.1, **more})


def outcome(*attempts: Attempt, **more: Any) -> Outcome:
    """A request with these attempts; served by the last, if that is good."""
    last = attempts[-1] if attempts else None
    good = last is not None and last.fault is None and not last.cancelled
    fields: dict[str, Any] = {
        "request_id": "ho-1",
        "route": "m",
        "stream": True,
        "arrived": 0.0,
        "ended": 2.0,
        "attempts": attempts,
        "skips": (),
        "served_by": last.target if last is not None and good else None,
        "fault": None if good or last is None else last.fault,
        "client_gone": False,
        "usage": last.usage if last is not None else None,
    }
    return Outcome(**{**fields, **more})


def folded(*outcomes: Outcome) -> tuple[dict[str, Any], Sums]:
    """The kept row of the last one, by column, and the counts of all."""
    sent = rows(outcomes, WALL_S)
    kept, sums = fold(
        sent,
        [outcome_of(row[-1]) for row in sent.detailed if row[-1]],
        PRICES,
        is_rescue={REFUSED}.__contains__,
    )
    if kept.detailed:
        return dict(zip(DETAILED, kept.detailed[-1], strict=True)), sums
    group = kept.plain[-1]
    row = (*group.context, *group.rows[-1], group.rescued)
    return dict(zip((*CONTEXT, *PRICED, "rescued"), row, strict=True)), sums


def counts(sums: Sums) -> dict[str, int]:
    """Of all requests together."""
    return {
        name: sum(each[place] for each in sums.requests.values()) for place, name in enumerate(REQUEST_COUNTS)
    }


def results(sums: Sums) -> list[str]:
    """What became of the requests."""
    return sorted(str(key[-1]) for key in sums.requests)


USED = Usage(100, 50)
"""At p/m: 100 * 1000 + 50 * 10 000 nUSD = 600 000. At q/m twice that."""

SPENT = {
    "a plain answer": (outcome(attempt(usage=USED)), (600_000, 0, 0)),
    "a retry after a refusal that cost nothing": (
        outcome(attempt(fault=FAULT, first_content=None), attempt("q/m", 1.0, usage=USED)),
        (1_200_000, 0, 0),
    ),
    "a failed attempt that told what it took": (
        outcome(
            attempt(fault=FAULT, usage=Usage(100, 5)),
            attempt("q/m", 1.0, usage=USED),
            usage=Usage(200, 55, estimated=True),
        ),
        (1_200_000 + 150_000, 105, 150_000),
    ),
    "a failed attempt that told nothing, at its own price": (
        outcome(
            attempt(fault=FAULT),
            attempt("q/m", 1.0, usage=USED),
            usage=Usage(190, 57, estimated=True),
        ),
        (1_200_000 + 90_000 + 70_000, 97, 160_000),
    ),
    "a hedge that lost after it had told of its prompt": (
        outcome(
            attempt("q/m", 0.5, cancelled=True, first_content=None, usage=Usage(100, 1)),
            attempt(usage=USED),
            usage=Usage(200, 51),
        ),
        (600_000 + 220_000, 101, 220_000),
    ),
    "an answer that was cut and not gone on with": (
        outcome(attempt(fault=CUT), usage=Usage(90, 20, estimated=True)),
        (90_000 + 200_000, 110, 290_000),
    ),
    "a client that left": (
        outcome(attempt(cancelled=True), client_gone=True, usage=Usage(90, 20, estimated=True)),
        (90_000 + 200_000, 110, 290_000),
    ),
    "text that was gone on with": (
        outcome(
            attempt(fault=CUT),
            attempt("q/m", 1.0, usage=USED),
            usage=Usage(190, 70, estimated=True),
            continuations=(Continuation("q/m", "cut_body", 80),),
        ),
        (1_200_000 + 90_000 + 200_000, 0, 0),
    ),
    "text that was gone on with, after another had brought none": (
        outcome(
            attempt(fault=CUT, usage=Usage(100, 20)),
            attempt("q/m", 1.0, fault=FAULT, first_content=None, usage=Usage(120, 0)),
            attempt(began=2.0, usage=USED),
            usage=Usage(320, 70, estimated=True),
            continuations=(Continuation("p/m", "cut_body", 80),),
        ),
        (600_000 + 300_000 + 240_000, 120, 240_000),
    ),
    "text that was gone on with, but not to its end": (
        outcome(
            attempt(fault=CUT, usage=Usage(100, 20)),
            attempt("q/m", 1.0, fault=CUT, usage=Usage(120, 5)),
            usage=Usage(220, 25),
            continuations=(Continuation("q/m", "cut_body", 80),),
        ),
        (300_000 + 340_000, 245, 640_000),
    ),
}


@pytest.mark.parametrize(("made", "expected"), SPENT.values(), ids=SPENT)
def test_money_and_waste(made: Outcome, expected: tuple[int, int, int]) -> None:
    """Every attempt at the price of its target; wasted is what nobody got. Row and counts say the same."""
    row, sums = folded(made)
    found = counts(sums)
    assert (found["cost_nusd"], found["wasted_tokens"], found["wasted_nusd"]) == expected
    assert (row["cost_nusd"], row.get("wasted_tokens", 0), row.get("wasted_nusd", 0)) == expected
    assert made.usage is not None
    assert (found["input_tokens"], found["output_tokens"]) == (
        made.usage.input_tokens,
        made.usage.output_tokens,
    )


RESCUES = {
    "the first answered": (outcome(attempt()), 0),
    "a failover": (outcome(attempt(fault=FAULT), attempt("q/m", 1.0)), 1),
    "a repetition at the same target": (outcome(attempt(fault=FAULT), attempt(began=1.0)), 1),
    "the first choice could not be asked": (outcome(attempt("q/m"), skips=(Skip("p/m", REFUSED),)), 1),
    "it waited for the first choice": (outcome(attempt(), skips=(Skip("p/m", REFUSED),)), 0),
    "all refused, and the first had room first": (
        outcome(attempt(), skips=(Skip("p/m", REFUSED), Skip("q/m", REFUSED))),
        0,
    ),
    "all refused, and the second had room first": (
        outcome(attempt("q/m"), skips=(Skip("p/m", REFUSED), Skip("q/m", REFUSED))),
        1,
    ),
    "the first choice was not for it, and the second refused": (
        outcome(attempt("r/m"), skips=(Skip("p/m", "no tools"), Skip("q/m", REFUSED))),
        1,
    ),
    "the first choice was not for it": (outcome(attempt("q/m"), skips=(Skip("p/m", "no tools"),)), 0),
    "a continuation": (
        outcome(attempt(fault=CUT), attempt("q/m", 1.0), continuations=(Continuation("q/m", "cut_body", 8),)),
        1,
    ),
    "a hedge was quicker": (outcome(attempt(cancelled=True), attempt("q/m", 0.5)), 0),
    "the hedge failed": (outcome(attempt("q/m", 0.5, fault=FAULT), attempt()), 0),
    "the first failed beside a hedge": (outcome(attempt(fault=FAULT), attempt("q/m", 0.5)), 1),
    "all failed": (outcome(attempt(fault=FAULT), attempt("q/m", 1.0, fault=FAULT)), 0),
    "the client left": (
        outcome(attempt(fault=FAULT), attempt("q/m", 1.0, cancelled=True), client_gone=True),
        0,
    ),
}


@pytest.mark.parametrize(("made", "rescued"), RESCUES.values(), ids=RESCUES)
def test_who_was_rescued(made: Outcome, rescued: int) -> None:
    """Who was answered whole, though the first choice failed or could not be asked."""
    row, sums = folded(made)
    assert (counts(sums)["rescued"], row["rescued"]) == (rescued, rescued)


RESULTS = {
    "ok": (outcome(attempt()), "ok", "p/m"),
    "truncated": (outcome(attempt("q/m", fault=CUT)), "cut_body", "q/m"),
    "the client left": (outcome(attempt("q/m", cancelled=True), client_gone=True), "client_gone", "q/m"),
    "nobody was asked": (outcome(fault=errors.make(Kind.NO_CAPACITY)), "no_capacity", ""),
}


@pytest.mark.parametrize(("made", "result", "target"), RESULTS.values(), ids=RESULTS)
def test_what_became_of_it(made: Outcome, result: str, target: str) -> None:
    """Truncations and all else that a client got, at who served it or was asked last."""
    _, sums = folded(made)
    (key,) = sums.requests
    assert (key[2], key[-1]) == (target, result)
    assert counts(sums)["requests"] == 1
    assert bool(sums.times) is (result == "ok")


def test_attempts_count_with_what_each_took_itself() -> None:
    """By target and end."""
    _, sums = folded(
        outcome(
            attempt(fault=CUT, usage=Usage(100, 20)), attempt("q/m", 1.0, usage=USED), usage=Usage(200, 70)
        )
    )
    told = {key[2:]: dict(zip(ATTEMPT_COUNTS, each, strict=True)) for key, each in sums.attempts.items()}
    assert told["p/m", "cut_body"]["output_tokens"] == 20
    assert told["q/m", "ok"]["cost_nusd"] == 1_200_000
    assert sum(each["attempts"] for each in told.values()) == 2


@pytest.mark.parametrize("skips", [(), (Skip("o/m", REFUSED),)], ids=["asked", "passed-over"])
def test_a_plain_row_and_a_detailed_one_count_alike(skips: tuple[Skip, ...]) -> None:
    """A client that traces gets a detailed row for the same answer."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    lasted = Attempt("p/m", 0.0, 2.0, first_content=0.25, usage=USED)
    facts = {"usage": USED, "skips": skips, "received_bytes": 10, "sent_bytes": 20, "caller": "team"}
    _, plain = folded(outcome(lasted, **facts))
    _, detailed = folded(outcome(lasted, trace=trace, **facts))
    assert plain.tables() == detailed.tables()
    assert results(plain) == ["ok"]
