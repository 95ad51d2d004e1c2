"""Outcomes as rows."""

import msgspec
import pytest

from halfopen import errors
from halfopen.app.processes.outcome_rows import BODY_MAX_BYTES, TEXT_MAX_CHARS, cut, outcome_of, rows
from halfopen.model import Attempt, Continuation, Kind, Skip
from halfopen.seams.outcome_store import CONTEXT, FIGURES, SENT_DETAILED, Sent

FAULT = errors.make(Kind.SERVER_ERROR, status=500, message="the server had an error")


def test_a_plain_outcome_is_its_columns(outcome):
    """Times are those of the wall clock, durations milliseconds."""
    found = rows([outcome(3, stream=True)], 1000.0)
    assert found.detailed == []
    ((context, (row,)),) = found.plain
    assert dict(zip((*CONTEXT, *FIGURES), (*context, *row), strict=True)) == {
        "request_id": "ho-3",
        "route": "m",
        "client": "chat",
        "caller": "",
        "snapshot": "",
        "stream": 1,
        "ended_wall_s": 1013.5,
        "duration_ms": 500.0,
        "queue_ms": 0.0,
        "connect_ms": None,
        "first_byte_ms": None,
        "first_content_ms": 250.0,
        "served_by": "p/m",
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_tokens": 0,
        "received_bytes": 0,
        "sent_bytes": 0,
        "skipped": None,
    }


MORE = {
    "failed": {"fault": FAULT, "served_by": None},
    "client left": {"client_gone": True},
    "rescued": {"attempts": (Attempt("p/m", 10.0, 10.1, fault=FAULT), Attempt("q/m", 10.1, 10.5))},
    "continued": {"continuations": (Continuation("q/m", "cut_body", 12),)},
    "traced": {"trace": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    "never sent": {"attempts": (), "fault": FAULT, "usage": None},
}


@pytest.mark.parametrize("changes", MORE.values(), ids=MORE)
def test_every_other_outcome_is_kept_whole(outcome, changes):
    """The detail is the outcome itself, and the columns tell the most important of it."""
    made = outcome(0, **changes)
    (row,) = rows([made], 0.0).detailed
    columns = dict(zip(SENT_DETAILED, row, strict=True))
    assert outcome_of(columns["detail"]) == made
    assert columns["kind"] == (made.fault.kind.value if made.fault else None)
    assert (columns["client_gone"], columns["attempts"]) == (int(made.client_gone), len(made.attempts))


def test_who_was_passed_over_stands_in_a_column(outcome):
    """When the breaker of the first target is open, every row would else need a detail."""
    skips = (Skip("p/m", "breaker open"), Skip("q/m", "no tools"))
    made = rows(
        [outcome(0, skips=skips), outcome(1, skips=skips[:1]), outcome(2, skips=skips, fault=FAULT)], 0.0
    )
    at = CONTEXT.index("skipped")
    assert [context.skipped for context, _ in made.plain] == [
        "p/m: breaker open; q/m: no tools",
        "p/m: breaker open",
    ]
    assert [row[at] for row in made.detailed] == ["p/m: breaker open; q/m: no tools"]


def test_rows_go_through_messagepack(outcome):
    """What a worker encodes, control decodes, and a detail is bytes."""
    made = rows([outcome(0), outcome(1, fault=FAULT)], 0.0)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Sent) == made


def test_what_an_upstream_wrote_is_bounded(outcome):
    """A body of megabytes makes no large row."""
    huge = errors.make(Kind.SERVER_ERROR, status=500, message="x" * 100_000)
    attempts = tuple(Attempt("p/m", 10.0, 10.1, fault=huge) for _ in range(3))
    (row,) = rows([outcome(0, attempts=attempts, fault=huge)], 0.0).detailed
    assert len(row[-1]) < 8 * (TEXT_MAX_CHARS + BODY_MAX_BYTES)
    assert cut(FAULT) is FAULT
    assert cut(huge).message == "x" * TEXT_MAX_CHARS
