"""What a route keeps of what is asked and answered; and that others do nothing for it."""

from typing import Any

import pytest

from halfopen.gateway import handler, keeping_exchange, resumption
from halfopen.model.content import ContentOptions, Keep
from halfopen.policy import JourneyOptions

OPTIONS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)
ALL = ContentOptions(Keep.ALL)
FAILED = ContentOptions(Keep.FAILED)
DONE = b"data: [DONE]\n\n"


def text(transcript: Any) -> str:
    return "|".join(part.content for each in transcript.messages for part in each.parts)


def pieces(kit: Any, *words: str) -> list[bytes]:
    return [kit.chunk(each) for each in words]


def test_a_continued_answer_is_kept_as_its_client_got_it(play: Any, kit: Any, speaking: Any) -> None:
    """What the attempt that failed had delivered is part of it, and what was repeated is not there twice."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*pieces(kit, "The quick", " brown"), cut=True))
        events = [*pieces(kit, "quick brown", " fox", " jumps."), kit.chunk(None, "stop"), DONE]
        second = await stage.upstream(speaking(*events))
        gateway = await stage.gateway(first, second, options=OPTIONS, content=ALL)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        (content,) = stage.contents
        (outcome,) = stage.outcomes
        assert content.request_id == outcome.request_id
        assert (text(content.prompt), text(content.answer)) == ("hello", "The quick brown fox jumps.")
        assert not content.is_plain

    play(scene)


def test_an_answer_that_broke_off_is_kept_as_far_as_it_came(play: Any, kit: Any, speaking: Any) -> None:
    """A route that keeps failures has what its client had got by then."""

    async def scene(stage: Any) -> None:
        only = await stage.upstream(speaking(*pieces(kit, "The quick", " brown"), cut=True))
        gateway = await stage.gateway(only, options=OPTIONS, content=FAILED)
        await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        (content,) = stage.contents
        assert stage.outcomes[0].fault is not None
        assert text(content.answer).startswith("The quick")

    play(scene)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_answers_of_each_provider(play: Any, kit: Any, dialect: str, *, stream: bool) -> None:
    """Whole ones and streams, the shortest way of a stream included: with the last word."""

    async def scene(stage: Any) -> None:
        lab = await stage.lab(dialect)
        gateway = await stage.gateway(lab, content=ALL)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=stream)))
        assert response.status == 200
        (content,) = stage.contents
        assert text(content.prompt) == "hello"
        assert text(content.answer).startswith("Lab answer from")
        assert "nineteen twenty." in text(content.answer)
        assert content.is_plain

    play(scene)


@pytest.mark.parametrize("content", [None, FAILED], ids=["none", "failed"])
def test_of_a_success_nothing_is_kept_unless_all_is(play: Any, kit: Any, content: Any) -> None:
    """Nor is its prompt read."""

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), content=content)
        client = await stage.client(gateway)
        for stream in (False, True):
            assert (await client.ask(kit.post(kit.chat(stream=stream)))).status == 200
        assert stage.contents == []
        assert len(stage.outcomes) == 2

    play(scene)


def test_a_route_that_keeps_nothing_goes_the_ways_it_went(
    play: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain, streamed or failed: nothing of what keeps content is ever called."""

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a request that is not kept came by here")

    for place, name in (
        (handler, "KeepingExchange"),
        (resumption, "Transcribed"),
        (keeping_exchange, "prompt_of"),
        (keeping_exchange, "answer_of"),
    ):
        monkeypatch.setattr(place, name, never)

    async def scene(stage: Any) -> None:
        lab = await stage.lab()
        gateway = await stage.gateway(lab)
        client = await stage.client(gateway)
        for stream in (False, True):
            assert (await client.ask(kit.post(kit.chat(stream=stream)))).status == 200
        await lab.stop()
        assert (await client.ask(kit.post(kit.chat(stream=False)))).status >= 500
        assert [outcome.fault is None for outcome in stage.outcomes] == [True, True, False]

    play(scene)


def test_a_defect_in_keeping_costs_no_outcome(
    play: Any, kit: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client has its answer, the outcome is told, and the log says nothing of what was asked."""

    def broken(*_: Any) -> Any:
        raise ValueError("hello")

    monkeypatch.setattr(keeping_exchange, "prompt_of", broken)

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.lab(), content=ALL)
        assert (await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))).status == 200
        assert (len(stage.outcomes), stage.contents) == (1, [])
        assert "is not kept, by a defect" in caplog.text
        assert "hello" not in caplog.text
        caplog.clear()

    play(scene)
