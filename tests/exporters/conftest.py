"""Outcomes as exporters get them, and what tests of exporters share."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from halfopen import errors
from halfopen.app.processes.outcome_rows import outcome_of, rows
from halfopen.model import Attempt, Continuation, Kind, Outcome, Price, Skip, Usage
from halfopen.policy.refusal import Refusal
from halfopen.rollout import Configured, configure
from halfopen.seams.outcome_store import Rows
from halfopen.seams.sums import Sums
from halfopen.signals.fold import fold

HERE = Path(__file__).parent
if str(HERE) not in sys.path:  # modules beside this one, which several folders use
    sys.path.insert(0, str(HERE))

WALL_S = 1_700_000_000.0
"""When the clock of the outcomes stood at 0."""
PRICES = {"openai/gpt-4o": Price(2.5, 10.0), "claude/haiku": Price(1.0, 5.0)}
TEXT = """
[providers.openai]
dialect = "openai"
base_url = "https://api.openai.com/v1"
key = "${KEY}"

[providers.claude]
dialect = "anthropic"
base_url = "http://127.0.0.1:9001"
key = "${KEY}"

[routes."gpt-4o"]
targets = ["openai/gpt-4o", "claude/haiku"]

[routes.small]
targets = ["claude/haiku"]

[objectives.answered]
target = 0.999

[objectives.quick]
promise = "first_token"
target = 0.95
within_s = 2.0
routes = ["gpt-4o"]
"""


class Made:
    """Makes outcomes and what becomes of them."""

    wall_s = WALL_S

    @staticmethod
    def snapshot(more: str = "") -> Any:
        configured = configure(TEXT + more, {"KEY": "sk-test"})
        assert isinstance(configured, Configured), configured
        return configured.snapshot

    @staticmethod
    def ok(number: int = 1, **changes: Any) -> Outcome:
        """Answered at once by the first choice: .1 s of waiting, first content after 1 s, 3 s in all."""
        usage = Usage(100, 20)
        fields: dict[str, Any] = {
            "request_id": f"r-{number}",
            "route": "gpt-4o",
            "stream": True,
            "arrived": 10.0,
            "ended": 13.0,
            "attempts": (Attempt("openai/gpt-4o", 10.1, 13.0, 10.2, 10.9, 11.0, 200, usage=usage),),
            "skips": (),
            "served_by": "openai/gpt-4o",
            "fault": None,
            "client_gone": False,
            "usage": usage,
            "caller": "shop",
            "snapshot": "abc",
        }
        return Outcome(**{**fields, **changes})

    @classmethod
    def rescued(cls, number: int = 2, **changes: Any) -> Outcome:
        """The first choice fails after half a second, the second answers."""
        fault = errors.make(Kind.SERVER_ERROR)
        usage = Usage(50, 10)
        attempts = (
            Attempt("openai/gpt-4o", 10.0, 10.5, 10.1, 10.4, None, 500, fault),
            Attempt("claude/haiku", 10.5, 12.0, 10.6, 11.0, 11.2, 200, usage=usage),
        )
        fields = {"attempts": attempts, "served_by": "claude/haiku", "usage": usage, "ended": 12.0}
        return cls.ok(number, **{**fields, **changes})

    @classmethod
    def failed(cls, number: int = 3, **changes: Any) -> Outcome:
        """Nobody answers: one fails, one is passed over."""
        fault = errors.make(Kind.SERVER_ERROR)
        fields = {
            "attempts": (Attempt("openai/gpt-4o", 10.0, 10.5, 10.1, 10.4, None, 500, fault),),
            "skips": (Skip("claude/haiku", Refusal.BREAKER_OPEN.value),),
            "served_by": None,
            "fault": fault,
            "usage": None,
            "ended": 10.6,
        }
        return cls.ok(number, **{**fields, **changes})

    @classmethod
    def wasted(cls, number: int = 5) -> Outcome:
        """The first choice fails after it has told of tokens."""
        first, second = cls.rescued(number).attempts
        spent = msgspec.structs.replace(first, usage=Usage(30, 5))
        return cls.rescued(number, attempts=(spent, second))

    @classmethod
    def continued(cls, number: int = 4) -> Outcome:
        """A cut answer that another one went on with."""
        rescued = cls.rescued(number)
        return cls.rescued(
            number, continuations=(Continuation("claude/haiku", "cut_body", 40),), attempts=rescued.attempts
        )

    @staticmethod
    def folded(*outcomes: Outcome) -> tuple[Rows, Sums]:
        """As control has them."""
        sent = rows(outcomes, WALL_S)
        read = [outcome_of(row[-1]) for row in sent.detailed]
        names = frozenset(refusal.value for refusal in Refusal)
        return fold(sent, read, PRICES, is_rescue=names.__contains__)


def until(done: Callable[[], object], most_s: float = 5.0) -> None:
    """Wait until something is so; fails when it isn't in time."""
    end = time.monotonic() + most_s
    pause = threading.Event()
    while not done():
        assert time.monotonic() < end, "it never was so"
        pause.wait(0.002)  # what is waited for sets no event


@pytest.fixture
def eventually() -> Callable[..., None]:
    """`eventually(condition)` waits for it."""
    return until


@pytest.fixture
def made() -> type[Made]:
    """Makes outcomes, rows and counts."""
    return Made


@pytest.fixture
def receiver() -> Iterator[Any]:
    """A receiver of OTLP over HTTP."""
    from otlp_receiver import OtlpReceiver

    with OtlpReceiver() as running:
        yield running


@pytest.fixture
def plain() -> Callable[[Any], dict[str, Any]]:
    """Attributes of OTLP as a dict."""
    from otlp_receiver import plain

    return plain
