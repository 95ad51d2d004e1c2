"""Invariant 12: the classifier is total over arbitrary bytes, status and headers; odd delays are safe."""

import math
import sys
from typing import Any

import classifier_run
import msgspec
import pytest
from classifier_reply import RETRY_AFTER
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen import errors
from halfopen.errors.json_body import NoJson
from halfopen.model import Kind, Reply

SEEDS = st.integers(0, 2**32 - 1)
WALL_S = 1_700_000_000.0


@settings(max_examples=600, deadline=None)
@given(SEEDS)
def test_any_reply_is_judged(seed: int) -> None:
    """Real replies, spoiled in every way, are judged without raising, and their faults are legal."""
    found = classifier_run.check(seed)
    assert found.violation is None, f"replay: classifier_run.py {seed}\n{found.violation!r}"


@settings(max_examples=300, deadline=None)
@given(
    st.none() | st.integers(),
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), max_size=4).map(tuple),
    st.binary(max_size=2000),
)
def test_any_bytes_are_judged(status: int | None, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    """Any bytes, any status and any headers are judged without raising."""
    fault = errors.decode(Reply(status, headers, body), WALL_S)
    assert fault is None or classifier_run.illegal(fault) is None


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
@pytest.mark.parametrize("value", RETRY_AFTER, ids=ascii)
@pytest.mark.parametrize("status", [429, 503])
def test_odd_delays_are_safe(status: int, value: str, name: str) -> None:
    """Whatever a header asks for, the delay is none, or finite, not negative and at most a day."""
    for wall_s in (None, WALL_S, float("nan"), 0.0):
        fault = errors.decode(Reply(status, ((name, value),)), wall_s)
        assert fault is not None
        assert fault.delay_s is None or 0 <= fault.delay_s <= errors.DELAY_MAX_S, fault.delay_s


@pytest.mark.parametrize("delay_s", [math.nan, math.inf, -math.inf, -1.0, -1e-300])
def test_no_fault_is_made_with_an_odd_delay(delay_s: float) -> None:
    """A delay that nobody can wait for is dropped when a fault is made."""
    assert errors.make(Kind.RATE_LIMITED, delay_s=delay_s).delay_s is None


@pytest.mark.parametrize(
    ("value", "delay_s"),
    [
        pytest.param("7", 7.0, id="seconds"),
        pytest.param("0", 0.0, id="now"),
        pytest.param("-7", None, id="negative"),
        pytest.param("NaN", None, id="nan"),
        pytest.param("1e309", None, id="overflow"),
        pytest.param("Tue, 14 Nov 2023 22:13:50 GMT", 30.0, id="date"),
        pytest.param("Tue, 14 Nov 2023 22:12:50 GMT", 0.0, id="past date"),
    ],
)
def test_what_is_asked_plainly_is_heeded(value: str, delay_s: float | None) -> None:
    """Seconds and dates are heeded, and rubbish in the same place is not."""
    fault = errors.decode(Reply(503, (("retry-after", value),)), WALL_S)
    assert fault is not None
    assert fault.delay_s == delay_s


def test_the_same_seed_prints_the_same() -> None:
    """A schedule is replayed from its seed, byte for byte."""
    one, other = ([classifier_run.check(seed) for seed in range(50)] for _ in range(2))
    assert one == other


# Planted bugs: the judge must notice each of them.


def _believed(value: str) -> float | None:
    """A number as Python reads it: nan, infinities and negative ones, too."""
    try:
        return float(value)
    except ValueError:
        return None


def _unclamped(delay_s: float | None) -> float | None:
    return delay_s


def _undefended(body: Any) -> Any:
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return NoJson.OTHER


PLANTED: dict[str, dict[str, Any]] = {
    "numbers are believed": {
        "retry_after._number": _believed,
        "retry_after.clamp": _unclamped,
        "conclude.clamp": _unclamped,
    },
    "a delay of a thousand years": {"conclude._delay_s": lambda *_: 3e10},
    "a delay is forgotten": {"conclude._delay_s": lambda *_: None},
    "deep nesting raises": {"decode.decode_json": _undefended},
    "every status is known": {"conclude.read_status": {500: None}.__getitem__},
}


@pytest.mark.parametrize("bug", PLANTED)
def test_the_judge_notices(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug is a violation within 200 schedules."""
    for place, planted in PLANTED[bug].items():
        module, name = place.split(".")
        # The package has functions of the same names as its modules.
        monkeypatch.setattr(sys.modules[f"halfopen.errors.{module}"], name, planted)
    assert any(classifier_run.check(seed).violation for seed in range(200))
