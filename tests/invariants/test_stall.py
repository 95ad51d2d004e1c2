"""Invariant 9: keep-alives never extend the stall timer."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import stall_run
from hypothesis import given, settings
from hypothesis import strategies as st
from stall_run import Piece, Schedule, Watched

from halfopen.policy import Journey, JourneyOptions
from halfopen.policy.pace import Pace
from halfopen.providers import StreamEvent
from halfopen.providers.event_reader import EventReader

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_only_content_moves_the_timer(seed: int) -> None:
    """A stream stalls at its last content + stall_s exactly, whatever else comes."""
    found = stall_run.check(seed)
    assert found.violation is None, f"replay: stall_run.py {seed}\n{found.detail}"


def _stream(*, last_says: bool) -> Schedule:
    """Content at 2 s; at 11 s content again, or what says nothing; a stall is 10 s."""
    words = stall_run.VOCABULARIES["chat"]
    options = JourneyOptions(stall_s=10.0, min_tokens_s=0.0, attempts=1)
    last = words.content[0] if last_says else words.silence[1]
    pieces = (
        Piece(1.0, words.opening[0], says=False, needed=True),
        Piece(2.0, words.content[0], says=True, needed=True),
        Piece(11.0, last, says=last_says, needed=last_says),
    )
    return Schedule(("chat", "openai", "chat"), options, pieces)


@pytest.mark.parametrize(
    ("last_says", "at"), [pytest.param(True, 21.0, id="content"), pytest.param(False, 12.0, id="keep-alive")]
)
def test_what_comes_last_decides(last_says: bool, at: float) -> None:
    """The same bytes a second before the stall put it off when they say something, and else they don't."""
    schedule = _stream(last_says=last_says)
    watched = Watched(schedule)
    watched.run(schedule.pieces)
    assert watched.end == ("stalled", at)
    assert stall_run.outcome_of(schedule, 0).violation is None


def test_the_first_token_deadline_stands() -> None:
    """Keep-alives don't put off the deadline of a stream that never says anything."""
    words = stall_run.VOCABULARIES["anthropic"]
    options = JourneyOptions(first_token_s=15.0, attempts=1)
    silence = [Piece(2.0 + number, words.silence[0], says=False, needed=False) for number in range(40)]
    schedule = Schedule(
        ("messages", "anthropic", "anthropic"),
        options,
        (*(Piece(1.0, each, says=False, needed=True) for each in words.opening), *silence),
    )
    watched = Watched(schedule)
    watched.run(schedule.pieces)
    assert watched.end == ("first_token_timeout", 15.0)


def test_keep_alives_are_no_tokens() -> None:
    """A drip is as slow with a keep-alive each second as without."""
    words = stall_run.VOCABULARIES["chat"]
    options = JourneyOptions(stall_s=20.0, min_tokens_s=1.5, floor_window_s=15.0, attempts=1)
    drip = [Piece(2.0 + 5 * number, words.content[0], says=True, needed=True) for number in range(20)]
    silence = [Piece(2.5 + number, words.silence[0], says=False, needed=False) for number in range(60)]
    pieces = sorted([*drip, *silence], key=lambda piece: piece.at)
    schedule = Schedule(("chat", "openai", "chat"), options, tuple(pieces))
    for each in (schedule, schedule.without_silence):
        watched = Watched(each)
        watched.run(each.pieces)
        assert watched.end == ("dripping", 32.0)


def test_the_same_seed_prints_the_same() -> None:
    """A schedule is replayed from its seed, byte for byte."""
    assert [stall_run.check(seed) for seed in range(9)] == [stall_run.check(seed) for seed in range(9)]


def test_generated_streams_vary() -> None:
    """Streams stall, drip and never begin; most have something that says nothing after their last content."""
    ends = set()
    for seed in range(60):
        schedule = stall_run.made(random.Random(seed))
        watched = Watched(schedule)
        watched.run(schedule.pieces)
        ends.add(watched.end[0])
    assert ends == {"stalled", "dripping", "first_token_timeout"}


# Planted bugs: the judge must notice each of them.


def _everything_says(
    feed: Callable[[EventReader, bytes], list[StreamEvent]],
) -> Callable[[EventReader, bytes], list[StreamEvent]]:
    return lambda self, data: [
        msgspec.structs.replace(each, chars=each.chars or 1) for each in feed(self, data)
    ]


def _a_moment_later(check: Callable[[Pace, float], object]) -> Callable[[Pace, float], object]:
    return lambda self, now: check(self, now - 0.5)


def _put_off(flying: Callable[[Journey, int, str], Any]) -> Callable[[Journey, int, str], Any]:
    """Whatever an attempt tells puts its deadline off."""

    def planted(self: Journey, attempt: int, told: str) -> Any:
        flight = flying(self, attempt, told)
        flight.deadline += 1.0
        self._set_timer()
        return flight

    return planted


def _never(self: Pace, now: float) -> None:
    self._last = now


PLANTED = {
    "every event says something": (EventReader, "feed", _everything_says(EventReader.feed)),
    "the stall is late": (Pace, "check", _a_moment_later(Pace.check)),
    "a stream never stalls": (Pace, "check", _never),
    "a head puts the deadline off": (Journey, "_flying", _put_off(Journey._flying)),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_the_judge_notices(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug is a violation within 200 schedules."""
    owner, name, planted = PLANTED[bug]
    monkeypatch.setattr(owner, name, planted)
    assert any(stall_run.check(seed).violation for seed in range(200))
