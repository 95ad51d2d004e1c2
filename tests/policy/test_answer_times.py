"""Times of whole answers, by length."""

import pytest

from halfopen.policy.answer_times import AnswerTimes
from halfopen.policy.options import SlownessOptions


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (1, 16, True),
        (16, 17, False),
        (17, 32, True),
        (1025, 2048, True),
        (64, 300, False),
    ],
    ids=["short", "across", "middle", "long", "two-apart"],
)
def test_answers_of_about_the_same_length_are_compared(one: int, other: int, alike: bool) -> None:
    """Within twice the length."""
    times = AnswerTimes(SlownessOptions())
    assert (times.of(one) is times.of(other)) is alike


@pytest.mark.parametrize("tokens", [0, -1, 16_385], ids=["unknown", "nonsense", "huge"])
def test_an_answer_of_unknown_length_is_not_judged(tokens: int) -> None:
    """It could be long or slow."""
    assert AnswerTimes(SlownessOptions()).of(tokens) is None


def test_a_long_answer_is_not_slow() -> None:
    """Thirty seconds for 3000 tokens are usual where 0.3 s for 10 tokens are."""
    times = AnswerTimes(SlownessOptions())
    for call in range(100):
        for tokens, seconds in ((10, 0.3), (3000, 30.0)):
            own = times.of(tokens)
            assert own is not None
            assert not own.record(seconds, float(call))
    short = times.of(10)
    assert short is not None
    assert short.record(30.0, 100.0)


def test_answers_that_grow_longer_are_not_late() -> None:
    """Neither where all of the time is writing nor where all is waiting, within twice the length."""
    times = AnswerTimes(SlownessOptions())
    for per_token_s in (0.02, 0.0):
        took = [times.in_proportion(1.0 + per_token_s * tokens, tokens) for tokens in range(129, 257)]
        assert max(took) / min(took) < 2.0
