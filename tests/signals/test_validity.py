"""Which faults say that users are not served, and which answers were none."""

import pytest

from halfopen.errors import make
from halfopen.model import Attempt, Kind
from halfopen.signals.fault_owner import is_failure, is_own_mistake
from halfopen.signals.validity import first_answer_is_invalid, is_invalid


def attempt(kind=None, status=200, *, cancelled=False):
    return Attempt("a/x", 0.0, 1.0, status=status, fault=make(kind) if kind else None, cancelled=cancelled)


@pytest.mark.parametrize(
    ("result", "failure", "own"),
    [
        ("ok", False, False),
        ("client_gone", False, False),
        ("cancelled", False, False),
        ("server_error", True, False),
        ("bad_key", True, False),
        ("rate_limited", True, False),
        ("no_capacity", True, False),
        ("not_implemented", True, False),
        ("no_fit_target", True, False),
        ("a kind of tomorrow", True, False),
        ("invalid_request", False, True),
        ("context_too_long", False, True),
        ("content_filtered", False, True),
        ("request_too_large", False, True),
        ("unknown_model", False, True),
        ("poison_request", False, True),
    ],
)
def test_whose_fault(result, failure, own):
    """What the caller has to mend says nothing about whether users are served."""
    assert (is_failure(result), is_own_mistake(result)) == (failure, own)


@pytest.mark.parametrize(
    ("told", "invalid"),
    [
        pytest.param(attempt(), False, id="whole"),
        pytest.param(attempt(Kind.CUT_BODY), True, id="cut"),
        pytest.param(attempt(Kind.EMPTY_ANSWER), True, id="empty"),
        pytest.param(attempt(Kind.RATE_LIMITED), True, id="an error in a 200"),
        pytest.param(attempt(Kind.STALLED), True, id="began and stalled"),
        pytest.param(attempt(Kind.PROTOCOL_ERROR, None), True, id="no HTTP"),
        pytest.param(attempt(Kind.SERVER_ERROR, 500), False, id="an honest 500"),
        pytest.param(attempt(Kind.CONNECT_TIMEOUT, None), False, id="never began"),
        pytest.param(attempt(Kind.CONTENT_FILTERED), False, id="filtered by the caller's fault"),
        pytest.param(attempt(Kind.SERVER_ERROR, 302), False, id="not a good status"),
        pytest.param(attempt(cancelled=True), False, id="cancelled"),
    ],
)
def test_answers_that_are_none(told, invalid):
    """Neither cut nor empty, nor an error in a 200."""
    assert is_invalid(told) is invalid


@pytest.mark.parametrize(
    ("attempts", "invalid"),
    [
        pytest.param([], False, id="nobody was asked"),
        pytest.param([attempt(Kind.EMPTY_ANSWER), attempt()], True, id="the first"),
        pytest.param([attempt(), attempt(Kind.EMPTY_ANSWER)], False, id="a later one"),
        pytest.param(
            [attempt(Kind.SERVER_ERROR, 500), attempt(Kind.CUT_BODY)], True, id="the first that is any"
        ),
        pytest.param([attempt(cancelled=True), attempt(Kind.CUT_BODY)], True, id="after one cancelled"),
        pytest.param([attempt(Kind.SERVER_ERROR, 500)], False, id="none"),
    ],
)
def test_the_first_answer(attempts, invalid):
    """Refusals and attempts that got nothing are no answers."""
    assert first_answer_is_invalid(attempts) is invalid
