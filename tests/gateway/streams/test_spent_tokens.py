"""What a broken stream has cost, and what is told of why it broke."""

import json
from dataclasses import replace
from typing import Any

import pytest

from halfopen.model import Usage
from halfopen.policy import AfterCommit, JourneyOptions

OPTIONS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)
PROMPT = "x" * 4000
TOLD = {"stream": True, "stream_options": {"include_usage": True}}


def question(**more: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": PROMPT}], **more}).encode()


@pytest.mark.parametrize("refused", [0, 1], ids=["none refused", "one refused"])
def test_a_refused_continuation_costs_nothing(
    play: Any, kit: Any, says: Any, speaking: Any, refusing: Any, refused: int
) -> None:
    """The client's counts are those of the answer's parts: a target that said no has read no prompt."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("abcdefgh", " ijkl"), cut=True))
        between = [await stage.upstream(refusing()) for _ in range(refused)]
        last = await stage.upstream(speaking(*says.texts(" more."), says.stop, says.counts(30, 4), says.done))
        gateway = await stage.gateway(first, *between, last, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(question(**TOLD)))
        assert response.whole
        events = says.events_of(response.body)[:-1]
        (usage,) = [each["usage"] for each in events if each.get("usage")]
        assert 1000 < usage["prompt_tokens"] - 30 < 1100  # one reading of the prompt, not two
        (outcome,) = stage.outcomes
        assert outcome.usage.input_tokens == usage["prompt_tokens"]
        assert len(outcome.attempts) == 2 + refused

    play(scene)


def test_the_remark_names_the_cut_not_a_refusal_in_between(
    play: Any, kit: Any, says: Any, speaking: Any, refusing: Any
) -> None:
    """Who went on did so because the answer was cut, whatever others said when they were asked."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("abcdefgh", " ijkl"), cut=True))
        between = await stage.upstream(refusing())
        last = await stage.upstream(speaking(*says.texts(" more."), says.stop, says.done))
        gateway = await stage.gateway(first, between, last, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        (remark,) = says.comments_of(response.body)
        (outcome,) = stage.outcomes
        cut = outcome.attempts[0].fault.kind.value
        assert cut in ("cut_body", "connection_reset")
        assert remark == f": halfopen: p2/gpt-4o-mini went on after {cut}, 13 characters into the answer"
        (went_on,) = outcome.continuations
        assert (went_on.target, went_on.after, went_on.chars) == ("p2/gpt-4o-mini", cut, 13)

    play(scene)


@pytest.mark.parametrize("held", ["call", "route"])
def test_held_attempts_that_failed_are_counted(
    play: Any, kit: Any, says: Any, speaking: Any, held: str
) -> None:
    """Nobody saw their answer, but it was paid for: the ledger has what they told."""
    arguments = '{"a":"' + "x" * 4000
    begun = says.call(arguments) if held == "call" else says.texts(arguments)
    options = replace(OPTIONS, after_commit=AfterCommit.HOLD) if held == "route" else OPTIONS

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*begun, says.counts(1000, 1900), cut=True))
        good = [*says.call('{"a": 1}'), says.delta({}, "tool_calls"), says.counts(30, 4), says.done]
        second = await stage.upstream(speaking(*good))
        gateway = await stage.gateway(first, second, options=options)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(**TOLD)))
        assert response.whole
        (outcome,) = stage.outcomes
        assert (outcome.usage.input_tokens, outcome.usage.output_tokens) == (1030, 1904)

    play(scene)


def test_held_attempts_without_counts_are_estimated(play: Any, kit: Any, says: Any, speaking: Any) -> None:
    """A guess from the characters, and marked as one."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.call("x" * 4000), cut=True))
        good = [*says.call('{"a": 1}'), says.delta({}, "tool_calls"), says.counts(30, 4), says.done]
        gateway = await stage.gateway(first, await stage.upstream(speaking(*good)), options=OPTIONS)
        await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        usage = stage.outcomes[0].usage
        assert usage.estimated
        assert 900 < usage.output_tokens < 1200

    play(scene)


def test_an_attempt_without_a_word_costs_nothing(
    play: Any, kit: Any, says: Any, speaking: Any, refusing: Any
) -> None:
    """A failover before the content leaves the counts exact."""

    async def scene(stage: Any) -> None:
        good = [*says.texts("fine"), says.stop, says.counts(30, 4), says.done]
        upstreams = [await stage.upstream(refusing()), await stage.upstream(speaking(*good))]
        gateway = await stage.gateway(*upstreams, options=OPTIONS)
        await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert stage.outcomes[0].usage == Usage(30, 4)

    play(scene)


@pytest.mark.parametrize("why", ["route", "choices", "no other"])
def test_an_answer_that_ends_in_an_error_was_paid_for(
    play: Any, kit: Any, says: Any, speaking: Any, why: str
) -> None:
    """What was delivered before the error stands in the ledger, as an estimate."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("Hello", " world"), cut=True))
        changed = {"after_commit": AfterCommit.ERROR} if why == "route" else {"attempts": 1}
        gateway = await stage.gateway(first, options=replace(OPTIONS, **changed))
        more = {"n": 2} if why == "choices" else {}
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True, **more)))
        assert not response.whole
        usage = stage.outcomes[0].usage
        assert usage.estimated
        assert usage.input_tokens > 0
        assert usage.output_tokens > 0

    play(scene)
