"""What the outage run's judge finds, in tallies and views that are made up."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from halfopen.lab.drills.agreement import (
    MINUTE_S,
    Comparison,
    View,
    against_client,
    compared,
    times_against_client,
)
from halfopen.lab.drills.mixed_load import question
from halfopen.lab.drills.tally import GONE, MEASURES, OK, Entry, Key, counted

BEGAN_S = 1_700_000_040.0
ROUTES = ("chat", "alone")


def entry(number: int, result: str = OK, **changes: Any) -> Entry:
    """A request of two seconds."""
    began_s = BEGAN_S + number
    given: dict[str, Any] = {
        "route": ROUTES[number % 2],
        "caller": "web" if number % 3 else "",
        "stream": number % 2 == 1,
        "ended_s": began_s + 2.0,
        "target": "primary/m" if result == OK else "",
        "request_id": f"id-{number}",
        "input_tokens": 10 + number,
        "output_tokens": 20,
        "received_bytes": 100,
        "sent_bytes": 500 + number,
    }
    return Entry(number, began_s=began_s, result=result, **{**given, **changes})


def tally(requests: int = 60) -> list[Entry]:
    """A morning: some are rescued, some fail, some are given up."""
    made = []
    for number in range(requests):
        if number % 10 == 3:
            made.append(entry(number, "server_error"))
        elif number % 10 == 7:
            made.append(entry(number, GONE))
        elif number % 10 in (4, 8):
            made.append(entry(number, target="backup/m", rescued=True))
        else:
            made.append(entry(number))
    return made


def shown(entries: Iterable[Entry], measures: Iterable[str] = tuple(MEASURES)) -> Counter[Key]:
    """What a view tells of requests when it counts rightly."""
    return counted(entries, measures)


def judged(counts: Mapping[Key, int], entries: Iterable[Entry] | None = None) -> Comparison:
    return against_client(View("a view", counts, tuple(MEASURES)), entries or tally())


def names(found: Comparison) -> set[str]:
    """The measures that don't agree."""
    return {each.key[0] for each in found.differences}


def test_a_view_that_counts_rightly_agrees() -> None:
    """And every measure is compared, none of which is nothing but zeros."""
    found = judged(shown(tally()))
    assert found.differences == ()
    assert found.numbers > len(MEASURES)
    told = shown(tally())
    assert {name for name in MEASURES if any(key[0] == name and count for key, count in told.items())} == set(
        MEASURES
    )


def one_too_few(entries: list[Entry]) -> list[Entry]:
    """A request that the view never heard of."""
    return entries[:30] + entries[31:]


def failure_as_answer(entries: list[Entry]) -> list[Entry]:
    """A failure that the view takes for an answer."""
    return [replace(each, result=OK, target="primary/m") if each.number == 13 else each for each in entries]


def rescue_unseen(entries: list[Entry]) -> list[Entry]:
    """A rescue that the view doesn't know."""
    return [replace(each, rescued=False) if each.number == 24 else each for each in entries]


def twice(entries: list[Entry]) -> list[Entry]:
    """A request that is counted twice."""
    return [*entries, entries[5]]


def gone_as_failed(entries: list[Entry]) -> list[Entry]:
    """A client that left, told as a failure."""
    return [replace(each, result="cut_body") if each.number == 27 else each for each in entries]


def other_caller(entries: list[Entry]) -> list[Entry]:
    """A request in another's name."""
    return [replace(each, caller="mobile") if each.number == 1 else each for each in entries]


def token_more(entries: list[Entry]) -> list[Entry]:
    """One token too many."""
    return [replace(each, output_tokens=21) if each.number == 2 else each for each in entries]


@pytest.mark.parametrize(
    ("bug", "measures"),
    [
        pytest.param(one_too_few, {"requests", "all", "answered", "received bytes"}, id="one too few"),
        pytest.param(
            failure_as_answer,
            {"requests", "all answered", "all failed", "all failed by kind"},
            id="a failure counted as answered",
        ),
        pytest.param(
            rescue_unseen, {"rescued", "rescued of a route", "all rescued"}, id="a rescue not counted"
        ),
        pytest.param(twice, {"requests", "all", "requests of a caller"}, id="one counted twice"),
        pytest.param(gone_as_failed, {"all gone", "all failed"}, id="who left, as failed"),
        pytest.param(other_caller, {"requests", "requests of a caller"}, id="another caller"),
        pytest.param(token_more, {"output tokens"}, id="one token more"),
    ],
)
def test_a_view_that_counts_wrongly_is_found(
    bug: Callable[[list[Entry]], list[Entry]], measures: set[str]
) -> None:
    """In each number that is wrong, however many are right."""
    found = judged(shown(bug(tally())))
    assert measures <= names(found)
    assert len(found.differences) < found.numbers


def test_a_difference_names_both_numbers() -> None:
    """So that a person can look for the request."""
    found = judged(shown(one_too_few(tally())))
    lines = [each.line() for each in found.differences]
    assert "a view: all: 59, client: 60 (-1)" in lines
    assert "a view: requests / chat / (none) / ok: 9, client: 10 (-1)" in lines


def test_what_the_client_never_asked_is_found() -> None:
    """A number that only the view has is a difference too."""
    counts = shown(tally())
    counts["requests", "chat", "stranger", OK] += 1
    assert [each.key for each in judged(counts).differences] == [("requests", "chat", "stranger", OK)]


def minutes(entries: Iterable[Entry]) -> Counter[Key]:
    """Requests by the minute in which they ended."""
    return Counter(
        ("by minute", str(int(each.ended_s // MINUTE_S) * MINUTE_S), each.result) for each in entries
    )


def test_a_minute_that_is_counted_twice_is_found() -> None:
    """Though all others are right."""
    right = minutes(tally())
    assert len({key[1] for key in right}) == 2
    assert compared("sums", right, "rows", minutes(tally())).differences == ()
    last = max(key[1] for key in right)
    doubled = {key: 2 * count if key[1] == last else count for key, count in right.items()}
    found = compared("sums", doubled, "rows", right)
    assert found.differences
    assert {each.key[1] for each in found.differences} == {last}


def ends(entries: Iterable[Entry]) -> dict[str, list[float]]:
    """When the ledger says that requests ended."""
    return {each.request_id: [each.ended_s - 0.01] for each in entries}


def test_each_request_is_recorded_once_at_its_time() -> None:
    """A row too many, a row too few and a row of another time are found."""
    entries = tally()
    assert times_against_client(ends(entries), entries).differences == ()
    wrong = ends(entries)
    wrong["id-4"].append(wrong["id-4"][0])
    del wrong["id-8"]
    wrong["id-9"] = [entries[9].ended_s + MINUTE_S]
    found = times_against_client(wrong, entries)
    assert [(each.key[1], each.count, each.others) for each in found.differences] == [
        ("id-4", 2, 1),
        ("id-8", 0, 1),
        ("id-9", 0, 1),
    ]
    assert found.numbers == len(entries)


def test_another_run_has_another_tally() -> None:
    """No view that always tells the same can agree with both."""
    assert judged(shown(tally(60)), tally(61)).differences
    first, second = ([question(number, ROUTES, seed) for number in range(500)] for seed in (1, 2))
    assert [each.body for each in first] != [each.body for each in second]


def test_questions_are_of_every_kind() -> None:
    """Whole answers and streams, wrong ones, ones for no route, and clients that leave."""
    asked = [question(number, ROUTES, 1) for number in range(600)]
    assert {each.route for each in asked} == {*ROUTES, ""}
    assert len({each.caller for each in asked}) == 4
    assert {(each.route, each.stream) for each in asked if each.route} == {
        (route, stream) for route in ROUTES for stream in (False, True)
    }
    assert sum(each.leaves for each in asked) > 10
    assert sum(each.bare for each in asked) > 10
    assert all(each.stream for each in asked if each.leaves)
