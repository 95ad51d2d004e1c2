"""Details are masked before they are stored, and within a budget."""

import pytest

from halfopen import errors, redact
from halfopen.app.processes import masking
from halfopen.app.processes.masking import BURST_S, Masking
from halfopen.app.processes.outcome_rows import outcome_of, rows
from halfopen.model import Attempt, Kind
from halfopen.seams.outcome_store import Rows
from halfopen.signals.fold import fold

KNOWN = "zebra-crossing-42"
LIKELY = "sk-proj-abcdefghijklmnopqrstuvwxyz123456"
FAULT = errors.make(Kind.BAD_KEY, status=401, message=f"key {KNOWN} or {LIKELY} is wrong")


def kept(outcomes):
    """The rows that are kept of outcomes."""
    sent = rows(outcomes, 0.0)
    return fold(sent, [outcome_of(row[-1]) for row in sent.detailed], {})[0]


@pytest.fixture
def failed(outcome):
    """Rows of requests that failed."""

    def make(count=1):
        attempts = (Attempt("p/m", 10.0, 10.5, fault=FAULT),)
        made = [outcome(n, attempts=attempts, fault=FAULT, served_by=None) for n in range(count)]
        return kept(made)

    return make


def taught(clock=lambda: 0.0):
    made = Masking(clock)
    made.learn(redact.known([KNOWN]))
    return made


def test_secrets_are_masked_in_every_fault(failed):
    """Those that are configured and those that look like it."""
    before = failed()
    after = taught().masked(before)
    detail = after.detailed[0][-1]
    assert KNOWN.encode() in before.detailed[0][-1]
    assert KNOWN.encode() not in detail
    assert LIKELY.encode() not in detail
    kept = outcome_of(detail)
    assert (kept.fault.kind, kept.request_id, len(kept.attempts)) == (Kind.BAD_KEY, "ho-0", 1)
    assert kept.attempts[0].fault == kept.fault
    assert after.detailed[0][:-1] == before.detailed[0][:-1]


def test_what_has_no_fault_is_left_as_it_is(outcome):
    """Nothing of it was written by an upstream."""
    made = kept([outcome(0), outcome(1, client_gone=True)])
    fresh = Masking(lambda: 0.0)
    assert fresh.masked(made) == made
    assert fresh.left_out == 0


def test_what_failed_before_its_client_left_is_masked(outcome):
    """Such a request has no fault of its own, but its attempt has."""
    attempts = (Attempt("p/m", 10.0, 10.5, fault=FAULT),)
    before = kept([outcome(1, attempts=attempts, served_by=None, client_gone=True)])
    assert KNOWN.encode() in before.detailed[0][-1]
    detail = taught().masked(before).detailed[0][-1]
    assert KNOWN.encode() not in detail
    assert outcome_of(detail).attempts[0].fault.kind is Kind.BAD_KEY


def test_before_the_secrets_are_known_no_fault_is_stored(failed):
    """Its row is, without the detail."""
    fresh = Masking(lambda: 0.0)
    (row,) = fresh.masked(failed()).detailed
    assert (row[-1], row[7], fresh.left_out) == (None, "ho-0", 1)


def test_a_detail_that_can_not_be_read_is_left_out(failed):
    """Rather stored without than unmasked. One that isn't there stays so."""
    (row,) = failed().detailed
    made = taught()
    strange, none = made.masked(Rows([], [(*row[:-1], b"\xc1"), (*row[:-1], None)])).detailed
    assert strange == none == (*row[:-1], None)
    assert made.left_out == 1


def test_it_has_a_budget(failed, monkeypatch):
    """Half a second at once, then a tenth of a core; what is beyond goes without its detail."""
    now = [0.0]
    real = masking._Masks.outcome

    def slow(masks, made):
        now[0] += 0.125
        return real(masks, made)

    monkeypatch.setattr(masking._Masks, "outcome", slow)
    made = taught(lambda: now[0])

    def kept(count):
        return sum(row[-1] is not None for row in made.masked(failed(count)).detailed)

    assert kept(20) == BURST_S / 0.125
    assert kept(20) == 1, "what half a second has brought"
    now[0] += 4.0
    assert kept(20) == 3
    assert made.left_out == 20 * 3 - 4 - 1 - 3
