"""Where a continuation ends: empty ones, requests that don't fit, targets that can't go on."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from halfopen.model import Kind
from halfopen.policy import JourneyOptions

OPTIONS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)
TWO = replace(OPTIONS, attempts=2)


@pytest.mark.parametrize("pieces", [("The capital of France", " is"), ("Let me list,",), ("The steps:",)])
def test_an_empty_continuation_in_mid_sentence_is_no_end(
    play: Any, kit: Any, says: Any, speaking: Any, pieces: tuple[str, ...]
) -> None:
    """A target that says no more where more must come has failed: the client gets an error, not a stop."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts(*pieces), cut=True))
        empty = says.delta({"role": "assistant", "content": ""})
        second = await stage.upstream(speaking(empty, says.stop, says.done))
        gateway = await stage.gateway(first, second, options=TWO)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        events = says.events_of(response.body)
        assert not response.whole
        assert "error" in events[-1]
        assert "[DONE]" not in events
        assert not any(each["choices"][0]["finish_reason"] for each in events[:-1])
        (outcome,) = stage.outcomes
        assert outcome.attempts[1].fault.kind is Kind.EMPTY_ANSWER

    play(scene)


def test_after_an_empty_continuation_the_next_target_goes_on(
    play: Any, kit: Any, says: Any, speaking: Any
) -> None:
    """The third target gets its turn, and the answer is whole."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("The capital of France is"), cut=True))
        second = await stage.upstream(speaking(says.stop, says.done))
        third = await stage.upstream(speaking(*says.texts(" Paris."), says.stop, says.done))
        gateway = await stage.gateway(first, second, third, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        assert says.text_of(response.body) == "The capital of France is Paris."
        assert [each.target for each in stage.outcomes[0].continuations] == ["p2/gpt-4o-mini"]

    play(scene)


def test_an_empty_continuation_at_a_sentences_end_is_the_end(
    play: Any, kit: Any, says: Any, speaking: Any
) -> None:
    """An answer that was cut right before its finish is whole, and nobody else is asked."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("It is", " Paris."), cut=True))
        second = await stage.upstream(speaking(says.stop, says.done))
        third = await stage.upstream(speaking(*says.texts(" No."), says.stop, says.done))
        gateway = await stage.gateway(first, second, third, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        assert says.text_of(response.body) == "It is Paris."
        assert third.connections == 0

    play(scene)


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"max_tokens": 64000}, id="max_tokens"),
        pytest.param(
            {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2048}}, id="thinking"
        ),
        pytest.param({"max_tokens": 4096, "top_k": 5}, id="top_k"),
    ],
)
@pytest.mark.parametrize("begun", ["text", "thoughts", "blanks"])
def test_a_messages_request_is_fitted_to_who_goes_on(
    play: Any, kit: Any, says: Any, speaking: Any, wish: dict[str, Any], begun: str
) -> None:
    """What Claude takes and the backup doesn't is left out or lowered, as in a failover before content."""
    asked: list[Any] = []
    pieces = {
        "text": says.texts("The capital", " of"),
        "thoughts": [says.delta({"reasoning_content": "Hm, the capital."})],
        "blanks": says.texts("\n"),
    }[begun]

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*pieces, cut=True))
        answer = [*says.texts(" France is Paris."), says.stop, says.counts(30, 4), says.done]
        second = await stage.upstream(speaking(*answer, asked=asked))
        gateway = await stage.gateway(first, second, options=TWO)
        says.able(gateway, "gpt-5.2", "gpt-4o-mini")
        body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True, **wish}
        message = kit.post(json.dumps(body).encode(), path="/v1/messages")
        response = await (await stage.client(gateway)).ask(message)
        assert response.whole, stage.outcomes
        events = says.events_of(response.body)
        assert events[-1]["type"] == "message_stop"
        kept = "The capital of" if begun == "text" else ""
        assert says.text_of(response.body).strip() == f"{kept} France is Paris.".strip()

    play(scene)
    (request,) = asked
    assert request["max_completion_tokens"] <= 16384
    assert not {"top_k", "thinking", "reasoning_effort", "max_tokens"} & set(request)
    assert (request["messages"][1:] != []) is (begun == "text")


def test_a_claude_that_breaks_off_while_it_thinks_is_replaced(play: Any, kit: Any, says: Any) -> None:
    """With nothing but thoughts delivered OpenAI is asked afresh, with a request that it takes."""

    async def scene(stage: Any) -> None:
        claude, openai = await stage.lab("anthropic"), await stage.lab("openai")
        gateway = await stage.gateway(claude, openai, options=TWO)
        says.able(gateway)
        body = {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
            "max_tokens": 64000,
            "thinking": {"type": "enabled", "budget_tokens": 2048},
        }
        claude.set_fault("stream_reset_after_content", content_events=1)
        request = kit.post(json.dumps(body).encode(), "anthropic-version: 2023-06-01", path="/v1/messages")
        response = await (await stage.client(gateway)).ask(request)
        assert b"thinking_delta" in response.body
        assert response.whole, stage.outcomes
        assert says.text_of(response.body)
        assert stage.outcomes[0].served_by == "p1/gpt-4o-mini"

    play(scene)


def test_a_target_unfit_to_go_on_costs_no_attempt(play: Any, kit: Any, says: Any, speaking: Any) -> None:
    """Of three calls the second goes to the first target that is able; the others are skipped with reasons."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("word " * 100), cut=True))
        unfit = [await stage.upstream(speaking(*says.texts("no"), says.stop, says.done)) for _ in range(2)]
        able = await stage.upstream(speaking(*says.texts("and the end."), says.stop, says.done))
        gateway = await stage.gateway(first, *unfit, able, options=OPTIONS)
        for state in gateway.runtime.routes["m"].states[1:3]:
            # Room for the request itself, not for what was delivered besides.
            few = replace(state.target.capabilities, context_tokens=50)
            state.target = replace(state.target, capabilities=few)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole, stage.outcomes
        assert says.text_of(response.body) == "word " * 100 + "and the end."
        (outcome,) = stage.outcomes
        assert [each.target for each in outcome.attempts] == ["p0/gpt-4o-mini", "p3/gpt-4o-mini"]
        skipped = {each.target: each.reason for each in outcome.skips}
        assert set(skipped) == {"p1/gpt-4o-mini", "p2/gpt-4o-mini"}
        assert all("the context 50" in reason for reason in skipped.values()), skipped
        assert [each.connections for each in unfit] == [0, 0]

    play(scene)


def test_when_all_are_unfit_to_go_on_the_error_says_so(play: Any, kit: Any, says: Any, speaking: Any) -> None:
    """The client gets the cut as the cause and the reasons of those that were passed over."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("word " * 100), cut=True))
        second = await stage.upstream(speaking(*says.texts("no"), says.stop, says.done))
        gateway = await stage.gateway(first, second, options=replace(OPTIONS, attempts=1))
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert not response.whole
        error = says.events_of(response.body)[-1]["error"]
        assert error["halfopen"]["kind"] in ("connection_reset", "cut_body")
        assert second.connections == 0

    play(scene)


def test_a_backup_that_starts_anew_has_time_to_reach_the_end_of_what_is_known(
    play: Any, kit: Any, says: Any, speaking: Any
) -> None:
    """A repeated beginning is skipped, and counts as progress: no time limit strikes meanwhile."""
    words = [f"word{number} " for number in range(120)]
    pieces = ["".join(words[at : at + 4]) for at in range(0, len(words), 4)]

    async def anew(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head)
        for piece in says.texts(*pieces):
            peer.send(kit.framed(piece))
            await asyncio.sleep(0.02)
        peer.send(b"".join(map(kit.framed, [*says.texts("the end."), says.stop, says.done])) + b"0\r\n\r\n")
        await peer.gone()

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts(*pieces), cut=True))
        second = await stage.upstream(anew)
        options = replace(TWO, first_token_s=0.4, first_token_min_s=0.4, stall_s=0.4, min_tokens_s=0)
        gateway = await stage.gateway(first, second, options=options)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole, stage.outcomes
        assert says.text_of(response.body) == "".join(words) + "the end."
        (outcome,) = stage.outcomes
        assert outcome.attempts[1].fault is None
        assert outcome.attempts[1].ended - outcome.attempts[1].started > options.first_token_s

    play(scene)


@pytest.mark.parametrize("who", ["first", "second"])
def test_thoughts_in_a_list_of_parts_stand_in_nobodys_way(
    play: Any, kit: Any, says: Any, speaking: Any, who: str
) -> None:
    """Mistral's way to send thoughts: such an answer is gone on with, and such a model goes on."""
    thoughts = says.delta({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]})

    async def scene(stage: Any) -> None:
        beginning = says.texts("The quick brown fox", " jumps over")
        rest = [*says.texts("brown fox jumps over", " the lazy dog."), says.stop, says.done]
        begun = [thoughts, *beginning] if who == "first" else beginning
        first = await stage.upstream(speaking(*begun, cut=True))
        second = await stage.upstream(speaking(*([thoughts] if who == "second" else []), *rest))
        gateway = await stage.gateway(first, second, options=TWO)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole, stage.outcomes
        found = [
            each["choices"][0]["delta"].get("content")
            for each in says.events_of(response.body)
            if each != "[DONE]" and each.get("choices")
        ]
        text = "".join(each for each in found if isinstance(each, str))
        assert text == "The quick brown fox jumps over the lazy dog."
        # Thoughts stand before the text, or are not shown.
        assert [isinstance(each, list) for each in found].count(True) == (1 if who == "first" else 0)

    play(scene)


def test_a_remark_is_one_line_whatever_a_target_is_called(
    play: Any, kit: Any, says: Any, speaking: Any
) -> None:
    """Control characters in a target's name write no lines of their own into the stream."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*says.texts("Not yet"), cut=True))
        second = await stage.upstream(speaking(*says.texts(" the end."), says.stop, says.done))
        gateway = await stage.gateway(first, second, options=TWO)
        state = gateway.runtime.routes["m"].states[1]
        state.target = replace(state.target, model='a\n\ndata: [DONE]\n\ndata: {"x": "\u2028é"}\r\n\r\n')
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        events = says.events_of(response.body)
        assert events.index("[DONE]") == len(events) - 1
        assert says.text_of(response.body) == "Not yet the end."
        (remark,) = says.comments_of(response.body)
        assert remark.isascii()
        assert remark.isprintable()

    play(scene)


def test_a_stream_of_two_choices_where_one_was_asked_has_one_finish(
    play: Any, kit: Any, says: Any, speaking: Any
) -> None:
    """No text stands behind a finish, and there is never a second one."""

    async def scene(stage: Any) -> None:
        second_choice = says.delta({"role": "assistant"}).replace(b'"index": 0', b'"index": 1')
        events = [says.delta({"role": "assistant"}), second_choice, *says.texts("Half a"), says.stop]
        first = await stage.upstream(speaking(*events, says.done))
        second = await stage.upstream(speaking(*says.texts(" story."), says.stop, says.done))
        gateway = await stage.gateway(first, second, options=TWO)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        choices = [
            each["choices"][0]
            for each in says.events_of(response.body)
            if each != "[DONE]" and each.get("choices")
        ]
        finishes = [at for at, choice in enumerate(choices) if choice["finish_reason"]]
        assert len(finishes) <= 1
        assert all(at == len(choices) - 1 for at in finishes)

    play(scene)
