"""What the terminal is told of requests."""

import json

import pytest

from halfopen import errors
from halfopen.app.narration import LINES_MAX, Narration
from halfopen.model import Attempt, Kind, Outcome, Skip


def outcome(**changes):
    fields = {
        "request_id": "ho-1",
        "route": "gpt-4o-mini",
        "stream": False,
        "arrived": 10.0,
        "ended": 10.5,
        "attempts": (Attempt("openai/m", 10.0, 10.5, status=200),),
        "skips": (),
        "served_by": "openai/m",
        "fault": None,
        "client_gone": False,
        "usage": None,
    }
    return Outcome(**{**fields, **changes})


RESCUED = outcome(
    attempts=(
        Attempt("openai/m", 10.0, 10.2, status=500, fault=errors.make(Kind.SERVER_ERROR, status=500)),
        Attempt("claude/m", 10.2, 10.5, status=200),
    )
)


class Heard:
    def __init__(self, *, as_json=False):
        self.now = 0.0
        self.lines = []
        self.tell = Narration(lambda: self.now, as_json=as_json, write=self.lines.append)


def test_a_smooth_request_is_not_worth_a_line():
    """The terminal stays quiet while all is well."""
    heard = Heard()
    heard.tell(outcome())
    assert heard.lines == []


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param(
            RESCUED,
            "00:00:00Z rescued gpt-4o-mini in 0.50 s: openai/m 500 server_error → claude/m answered [ho-1]\n",
            id="rescued",
        ),
        pytest.param(
            outcome(
                attempts=(), skips=(Skip("openai/m", "breaker open"),), fault=errors.make(Kind.NO_CAPACITY)
            ),
            "00:00:00Z FAILED gpt-4o-mini in 0.50 s: openai/m skipped (breaker open) [ho-1]\n",
            id="failed",
        ),
        pytest.param(
            outcome(attempts=(Attempt("openai/m", 10.0, 10.5, cancelled=True),), client_gone=True),
            "00:00:00Z client left gpt-4o-mini in 0.50 s: openai/m cancelled [ho-1]\n",
            id="client left",
        ),
    ],
)
def test_what_happened_is_one_line(told, said):
    """A person reads which target failed how, and who answered."""
    heard = Heard()
    heard.tell(told)
    assert heard.lines == [said]


def test_lines_are_bounded_and_the_rest_is_counted():
    """An outage at full load does not flood the terminal."""
    heard = Heard()
    for _ in range(LINES_MAX + 5):
        heard.tell(RESCUED)
    assert len(heard.lines) == LINES_MAX
    heard.now = 1.0
    heard.tell(RESCUED)
    assert heard.lines[LINES_MAX] == "… and 5 more\n"


def test_json_is_one_object_a_line():
    """Programs read the same facts."""
    heard = Heard(as_json=True)
    heard.tell(RESCUED)
    told = json.loads(heard.lines[0])
    assert told["what"] == "rescued"
    assert [attempt["kind"] for attempt in told["attempts"]] == ["server_error", None]
