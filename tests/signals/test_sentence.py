"""What somebody reads who was woken."""

import pytest
from made_requests import MINUTE, NOW, counted, failed, outcome, rescued

from halfopen.model import Kind, Skip
from halfopen.signals.digests import Digests
from halfopen.signals.survey import Known, survey
from halfopen.signals.windows import Windows

OPEN = (Skip("a/x", "breaker open"),)


def said(*outcomes, heard=True):
    windows = Windows()
    windows.add(counted(outcomes), NOW)
    return survey(windows, Digests(), NOW, Known(heard=heard)).sentence


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        pytest.param(
            [failed()] * 12 + [outcome(attempts=(), served_by="b/y")] * 328,
            "12 of 340 requests in the last 5 minutes failed: server_error at a/x; all of the answers come "
            "from b/y; since 22:14 UTC.",
            id="failing",
        ),
        pytest.param(
            [failed()] * 2 + [rescued()] * 24 + [outcome()],
            "2 of 27 requests in the last 5 minutes failed: server_error at a/x; 96 % of the answers come "
            "from b/y; since 22:14 UTC.",
            id="failing, some are rescued",
        ),
        pytest.param(
            [failed(kind=Kind.NO_CAPACITY, attempts=())] * 3,
            "3 of 3 requests in the last 5 minutes failed: no_capacity; nobody answers; since 22:14 UTC.",
            id="nobody was asked",
        ),
        pytest.param(
            [failed(kind=Kind.NO_CAPACITY, attempts=(), skips=OPEN)],
            "1 of 1 requests in the last 5 minutes failed: a/x is passed over (breaker open); nobody answers; "
            "since 22:14 UTC.",
            id="passed over",
        ),
        pytest.param(
            [rescued()] * 3 + [outcome()] * 7,
            "Users are served, 3 of 10 requests in the last 5 minutes by a rescue: server_error at a/x; "
            "70 % of the answers come from a/x; since 22:14 UTC.",
            id="rescuing",
        ),
        pytest.param(
            [outcome()] * 1200,
            "Users are served: all 1,200 requests in the last 5 minutes got an answer from the first choice.",
            id="fine",
        ),
        pytest.param(
            [outcome()],
            "Users are served: the only request in the last 5 minutes got an answer from the first choice.",
            id="one request",
        ),
        pytest.param(
            [outcome()] * 1200 + [failed(), rescued()],
            "Users are served: 1,201 of 1,202 requests in the last 5 minutes were answered, 1 of them not by "
            "the first choice.",
            id="hardly a failure",
        ),
        pytest.param(
            [outcome(), failed(kind=Kind.INVALID_REQUEST), outcome(client_gone=True, served_by=None)],
            "Users are served: the only request in the last 5 minutes got an answer from the first choice.",
            id="own mistakes and who left say nothing",
        ),
        pytest.param([], "Nobody has asked in the last 5 minutes.", id="idle"),
        pytest.param([outcome(NOW - 240)], "Nobody has asked since 22:11 UTC.", id="idle for a while"),
    ],
)
def test_sentences(outcomes, sentence):
    """Who is hurt, by what, what is done about it, since when."""
    assert MINUTE % 86_400 == 22 * 3600 + 14 * 60
    assert said(*outcomes) == sentence


def test_nothing_is_known():
    """Control hears from nobody."""
    assert said(heard=False) == "Nothing is known yet: control hears from no worker."


def test_where_two_are_equal_it_does_not_flicker():
    """The same sentence whatever came first."""
    one, other = failed(kind=Kind.OVERLOADED), failed(kind=Kind.SERVER_ERROR)
    assert said(one, other) == said(other, one)
    assert "overloaded at a/x" in said(one, other)


def test_an_attempt_that_failed_by_the_callers_fault_is_no_cause():
    """It is not what hurts the others."""
    said_of = said(*[failed(kind=Kind.INVALID_REQUEST)] * 5, failed(kind=Kind.OVERLOADED))
    assert said_of.startswith("1 of 1 requests in the last 5 minutes failed: overloaded at a/x;")
