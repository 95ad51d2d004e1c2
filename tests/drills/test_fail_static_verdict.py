"""What the fail-static drill's judge makes of requests, faults and counts."""

from typing import Any

import pytest

from halfopen.lab.drills.bystander import Told
from halfopen.lab.drills.fail_static_verdict import Load, Played, report
from halfopen.lab.drills.figure import DrillReport
from halfopen.lab.drills.open_loop import Asked, End

KILLED_PORT = 40001
OTHER_PORT = 40002
LOAD = Load(rate=10.0, seconds=10.0, pause_s=0.0)
STOPPED = "control stopped"
KILLED = "worker killed"


def asked(number: int, ended: float, end: End = End.WHOLE, **changes: Any) -> Asked:
    """A request that was sent 10 ms before it ended."""
    sent = changes.pop("sent", ended - 0.01)
    return Asked(
        number, changes.pop("stream", False), sent, sent, ended, end, port=changes.pop("port", OTHER_PORT)
    )


def fault(name: str, struck: float, **changes: Any) -> Played:
    """A fault that was met and is over."""
    given: dict[str, Any] = {
        "fault": name,
        "struck": struck,
        "lifted": struck + 1.0,
        "shown": "it was seen",
        "problem": "",
        "remains": "",
        "normal_after_s": 0.1,
        "waiting_most": 5,
        "dropped": 0,
        "costs": name == KILLED,
        "excused": lambda port: name == KILLED and port == KILLED_PORT,
    }
    return Played(**{**given, **changes})


WELL = [asked(number, 1.0 + number / 10) for number in range(100)]
"""From 1 s to 10.9 s: the faults are at 4 s and at 8 s."""
LOST = [asked(number, 8.02, End.CUT, sent=7.99, port=KILLED_PORT) for number in (100, 101)]


def told(kept: int = 100, dropped: int = 0, exit_status: int = 0) -> Told:
    return Told(exit_status, {"outcomes": {"kept": kept, "dropped": dropped, "waiting": 0}})


def judged(*more: Asked, faults: Any = None, last: Told | None = None) -> DrillReport:
    faults = faults or (fault(STOPPED, 4.0), fault(KILLED, 8.0))
    everything = [*WELL, *LOST, *more]
    last = last or told(sum(each.answered for each in everything))
    return report(everything, faults, last, LOAD)


def unsound(found: DrillReport) -> list[str]:
    return [figure.name for figure in found.figures if not figure.sound]


def test_only_the_killed_workers_requests_are_lost() -> None:
    """That is what is promised."""
    found = judged()
    assert unsound(found) == []
    assert found.failures == ()
    whole = [figure for figure in found.figures if figure.name.endswith("whole answers in time")]
    assert [(figure.samples, figure.value) for figure in whole] == [(30, 1.0), (40, 1.0), (30, 1.0)]
    assert all(figure.interval is not None for figure in whole)


@pytest.mark.parametrize(
    ("more", "row"),
    [
        pytest.param(asked(200, 3.0, End.CUT), "healthy", id="cut before any fault"),
        pytest.param(asked(200, 5.0, End.CUT), STOPPED, id="cut"),
        pytest.param(asked(200, 5.0, End.RETRYABLE), STOPPED, id="an error, though a retryable one"),
        pytest.param(asked(200, 5.0, End.WRONG), STOPPED, id="another answer"),
        pytest.param(asked(200, 14.9, End.HANG, sent=4.9), STOPPED, id="hangs until long after"),
        pytest.param(asked(200, 6.5, sent=5.0), STOPPED, id="late"),
        pytest.param(asked(200, 8.1, End.CUT), KILLED, id="cut on the other worker"),
        pytest.param(asked(200, 8.1, End.REFUSED, port=0), KILLED, id="refused"),
        pytest.param(asked(200, 5.0, End.CUT, port=KILLED_PORT), STOPPED, id="before its worker was killed"),
    ],
)
def test_a_failure_is_found_and_belongs_to_its_fault(more: Asked, row: str) -> None:
    """One is enough."""
    found = judged(more)
    assert unsound(found) == [f"{row}: whole answers in time"]
    assert len(found.failures) == 1
    assert found.failures[0].startswith(f"{row}: 1 ")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(asked(200, 17.9, End.HANG, sent=8.01, port=KILLED_PORT), id="hangs"),
        pytest.param(asked(200, 9.5, End.CUT, sent=7.9, port=KILLED_PORT), id="told late"),
        pytest.param(asked(200, 8.1, End.WRONG, port=KILLED_PORT), id="half an answer as if it were whole"),
        pytest.param(asked(200, 8.1, End.STATUS, port=KILLED_PORT), id="told not to ask again"),
    ],
)
def test_a_lost_request_must_be_told_so_at_once(more: Asked) -> None:
    """An error after which clients ask again, and no hang."""
    found = judged(more)
    assert unsound(found) == [f"{KILLED}: requests in flight on it with a retryable error within 1 s"]


def test_streams_have_their_own_time() -> None:
    """What a stream takes anyway is not held against it."""
    assert unsound(judged(asked(200, 6.4, sent=4.0, stream=True))) == []
    assert unsound(judged(asked(200, 6.6, sent=4.0, stream=True))) == [f"{STOPPED}: whole answers in time"]


def test_a_kill_that_hits_nothing_proves_nothing() -> None:
    """There must have been a request in flight."""
    found = report(WELL, (fault(KILLED, 8.0),), told(), LOAD)
    assert unsound(found) == [f"{KILLED}: requests in flight on it with a retryable error within 1 s"]


def test_a_fault_that_was_not_shown_voids_its_row() -> None:
    """However well all requests went."""
    found = judged(faults=(fault(STOPPED, 4.0, shown="", problem="nobody saw it"), fault(KILLED, 8.0)))
    assert unsound(found) == [f"{STOPPED}: whole answers in time"]
    assert any("void: nobody saw it" in figure.line() for figure in found.figures)


def test_what_does_not_come_back_is_found() -> None:
    """And named."""
    found = judged(faults=(fault(STOPPED, 4.0, remains="1 of 2 workers"), fault(KILLED, 8.0)))
    assert unsound(found) == [f"{STOPPED}: time until all was well again"]
    assert found.failures == (f"{STOPPED}: not as before: 1 of 2 workers",)


@pytest.mark.parametrize(
    ("last", "sound"),
    [
        pytest.param(told(100), True, id="all stored"),
        pytest.param(told(98, dropped=2), True, id="the rest counted as lost"),
        pytest.param(told(99), False, id="one is nowhere"),
        pytest.param(told(100, exit_status=1), False, id="control never answered"),
    ],
)
def test_every_outcome_is_accounted_for(last: Told, sound: bool) -> None:
    """Stored, or counted as lost."""
    assert (unsound(judged(last=last)) == []) is sound


def test_a_killed_workers_last_words_may_be_lost() -> None:
    """But not more of them than it can have kept, and they must be counted."""
    before = lost_at_most()
    more = (asked(200, 7.9, port=KILLED_PORT), asked(201, 7.3, port=KILLED_PORT))
    most = before + 1
    assert unsound(judged(*more, last=told(102 - most, dropped=most))) == []
    assert unsound(judged(*more, last=told(102 - most, dropped=most - 1))) == [
        "outcomes stored or counted as lost"
    ]
    assert unsound(judged(*more, last=told(102 - most, dropped=most + 1))) == ["outcomes counted as lost"]


def lost_at_most() -> int:
    """As many as the promise allows without more requests."""
    (promise,) = [each.promise for each in judged().figures if each.name == "outcomes counted as lost"]
    return int(promise.partition(" ")[0])


def test_a_load_that_was_not_held_is_found() -> None:
    """The promise is about so many requests a second."""
    found = report(WELL, (), told(), Load(20.0, 10.0, 0.0))
    assert unsound(found) == ["requests asked"]


def test_the_row_of_a_fault_says_what_showed_it() -> None:
    """For `--json`."""
    row: dict[str, Any] = judged().rows[2]
    assert row["fault"] == KILLED
    assert (row["met"], row["shown_by"], row["in_flight_lost"]) == (True, "it was seen", {"cut": 2})
    assert row["plain_ms"]["p50"] == 10.0
