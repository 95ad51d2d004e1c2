"""What attempts have spent, against simulated providers whose counts are known."""

from typing import Any

import pytest

from halfopen.app.processes.outcome_rows import outcome_of, rows
from halfopen.model import Outcome, Price, Usage
from halfopen.policy import AfterCommit, JourneyOptions
from halfopen.seams.sums import REQUEST_COUNTS
from halfopen.signals.fold import fold

GOES_ON = JourneyOptions(
    deadline_s=8, attempt_s=4, first_token_s=4, stall_s=1, after_commit=AfterCommit.CONTINUE
)
FAILS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4, stall_s=1, after_commit=AfterCommit.ERROR)


async def asked(stage: Any, kit: Any, *providers: Any, options: JourneyOptions = GOES_ON) -> Outcome:
    """One streamed request."""
    gateway = await stage.gateway(*providers, options=options)
    more = {"stream_options": {"include_usage": True}}
    await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True, **more)))
    made: Outcome = stage.outcomes[-1]
    return made


async def alone(stage: Any, kit: Any, dialect: str) -> Usage:
    """What a good answer of such a provider takes."""
    outcome = await asked(stage, kit, await stage.lab(dialect))
    assert outcome.usage is not None
    assert outcome.attempts[0].usage == outcome.usage
    return outcome.usage


def wasted(outcome: Outcome) -> int:
    """Tokens that the counts say are wasted, at a price of a dollar each million, whose sum they must be."""
    sent = rows([outcome], 0.0)
    prices = {each.target: Price(input=1.0, output=1.0) for each in outcome.attempts}
    _, sums = fold(sent, [outcome_of(row[-1]) for row in sent.detailed if row[-1]], prices)
    (each,) = sums.requests.values()
    told = dict(zip(REQUEST_COUNTS, each, strict=True))
    assert told["wasted_nusd"] == told["wasted_tokens"] * 1000
    assert told["cost_nusd"] == (told["input_tokens"] + told["output_tokens"]) * 1000
    return told["wasted_tokens"]


@pytest.mark.parametrize("second", ["openai", "anthropic"])
@pytest.mark.parametrize("first", ["openai", "anthropic"])
def test_an_answer_that_another_went_on_with(play: Any, kit: Any, first: str, second: str) -> None:
    """Each attempt tells its own, their sum is the total, and nothing of it is wasted."""

    async def scene(stage: Any) -> None:
        cut = await stage.lab(first)
        cut.set_fault("stream_cut_after_content", content_events=3)
        outcome = await asked(stage, kit, cut, await stage.lab(second))
        assert outcome.continuations
        assert outcome.fault is None
        one, two = (each.usage for each in outcome.attempts)
        assert outcome.usage is not None
        assert two is not None
        if one is not None:  # Anthropic tells of the prompt at once
            assert one.input_tokens + two.input_tokens == outcome.usage.input_tokens
        assert 0 < two.input_tokens < outcome.usage.input_tokens
        assert 0 < two.output_tokens < outcome.usage.output_tokens
        assert not two.estimated
        assert wasted(outcome) == 0

    play(scene)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_an_attempt_that_failed_before_its_content(play: Any, kit: Any, dialect: str) -> None:
    """What it has told of its prompt is wasted, and no more."""

    async def scene(stage: Any) -> None:
        usual = await alone(stage, kit, dialect)
        failing = await stage.lab(dialect)
        failing.set_fault("stream_cut_before_content")
        outcome = await asked(stage, kit, failing, await stage.lab("openai"))
        told = outcome.attempts[0].usage
        assert (told is None) is (dialect == "openai")
        spent = 0 if told is None else told.input_tokens + told.output_tokens
        assert told is None or told.input_tokens == usual.input_tokens
        assert outcome.attempts[-1].fault is None
        assert wasted(outcome) == spent

    play(scene)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_an_answer_that_stays_cut_is_wasted_whole(play: Any, kit: Any, dialect: str) -> None:
    """All that is known or estimated of it."""

    async def scene(stage: Any) -> None:
        cut = await stage.lab(dialect)
        cut.set_fault("stream_cut_after_content", content_events=3)
        outcome = await asked(stage, kit, cut, options=FAILS)
        assert outcome.fault is not None
        assert outcome.usage is not None
        assert outcome.usage.estimated
        assert outcome.usage.output_tokens >= 2
        assert wasted(outcome) == outcome.usage.input_tokens + outcome.usage.output_tokens

    play(scene)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_what_a_client_left_behind_is_wasted(play: Any, kit: Any, dialect: str) -> None:
    """The provider has written it, and bills it: an estimate, where it hasn't told."""

    async def scene(stage: Any) -> None:
        slow = await stage.lab(dialect, pace_s=0.02)
        gateway = await stage.gateway(slow, options=GOES_ON)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        received = b""
        while received.count(b'"content"') < 4:
            received += await client.reader.read(4096)
        client.leave()
        await stage.until(lambda: stage.outcomes, lambda: received)
        (outcome,) = stage.outcomes
        assert outcome.client_gone
        assert outcome.usage is not None
        assert outcome.usage.estimated
        assert outcome.usage.input_tokens > 0
        assert outcome.usage.output_tokens >= 2
        assert wasted(outcome) == outcome.usage.input_tokens + outcome.usage.output_tokens

    play(scene)
