"""Answers that are cut after the client has a part of them."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from halfopen.policy import AfterCommit, JourneyOptions, JsonAnswers
from halfopen.providers.continuation import MARK

OPTIONS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)
CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}


def delta(content: dict[str, Any], finish: str | None = None, answer_id: str = "c") -> bytes:
    choice = {"index": 0, "delta": content, "finish_reason": finish}
    data = {
        "id": answer_id,
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
    }
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def counts(prompt: int, completion: int) -> bytes:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    data = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    return b"data: " + json.dumps(data | {"usage": usage}).encode() + b"\n\n"


def texts(*pieces: str, answer_id: str = "c") -> list[bytes]:
    return [delta({"content": piece}, answer_id=answer_id) for piece in pieces]


def call(*arguments: str) -> list[bytes]:
    pieces = [{"tool_calls": [CALL]}]
    pieces += [{"tool_calls": [{"index": 0, "function": {"arguments": each}}]} for each in arguments]
    return [delta(piece) for piece in pieces]


DONE = b"data: [DONE]\n\n"
STOP = delta({}, "stop", "other")


def events_of(body: bytes) -> list[Any]:
    """The chunks of a stream; `[DONE]` as it is, comments left out."""
    found = []
    for event in body.decode().split("\n\n"):
        if event.startswith("data: "):
            data = event.removeprefix("data: ")
            found.append(data if data == "[DONE]" else json.loads(data))
    return found


def text_of(body: bytes) -> str:
    chunks = [event for event in events_of(body) if event != "[DONE]" and event.get("choices")]
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in chunks)


def test_a_cut_answer_is_continued_as_one(play: Any, kit: Any, speaking: Any) -> None:
    """The client reads one text with one id, one finish and one end, and a remark that names who went on."""
    asked: list[Any] = []

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*texts("The quick", " brown"), cut=True))
        events = [*texts("quick brown", " fox", " jumps.", answer_id="other"), STOP, counts(30, 4), DONE]
        second = await stage.upstream(speaking(*events, asked=asked))
        gateway = await stage.gateway(first, second, options=OPTIONS)
        client = await stage.client(gateway)
        response = await client.ask(kit.post(kit.chat(stream=True)))
        assert response.status == 200
        assert response.whole
        assert text_of(response.body) == "The quick brown fox jumps."
        chunks = events_of(response.body)
        assert chunks[-1] == "[DONE]"
        assert chunks.count("[DONE]") == 1
        assert {chunk["id"] for chunk in chunks[:-1]} == {"c"}
        assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]].count("stop") == 1
        assert b": halfopen: p1/gpt-4o-mini went on after connection_reset" in response.body or (
            b": halfopen: p1/gpt-4o-mini went on after cut_body" in response.body
        )
        assert b"usage" not in response.body
        (outcome,) = stage.outcomes
        assert outcome.fault is None
        assert [(each.target, each.chars) for each in outcome.continuations] == [("p1/gpt-4o-mini", 15)]
        assert outcome.usage.estimated

    play(scene)
    (request,) = asked
    assert request["messages"][0] == {"role": "user", "content": "hello"}
    assert request["messages"][1] == {"role": "assistant", "content": "The quick brown"}
    assert MARK in request["messages"][2]["content"]
    assert request["stream_options"] == {"include_usage": True}


def test_token_counts_sum_what_was_spent(play: Any, kit: Any, speaking: Any) -> None:
    """A client that asked for them gets one count, with an estimate of the part that was cut."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*texts("abcdefgh", " ijkl mno"), cut=True))
        second = await stage.upstream(speaking(*texts(" and more."), STOP, counts(30, 4), DONE))
        gateway = await stage.gateway(first, second, options=OPTIONS)
        body = kit.chat(stream=True, stream_options={"include_usage": True})
        response = await (await stage.client(gateway)).ask(kit.post(body))
        told = [chunk["usage"] for chunk in events_of(response.body)[:-1] if chunk.get("usage")]
        assert len(told) == 1
        assert told[0]["completion_tokens"] > 4
        assert told[0]["prompt_tokens"] > 30
        assert told[0]["total_tokens"] == told[0]["prompt_tokens"] + told[0]["completion_tokens"]

    play(scene)


def test_a_continuation_may_have_nothing_to_add(play: Any, kit: Any, speaking: Any) -> None:
    """An answer that was cut right before its finish is whole when the next target says no more."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*texts("All is", " said."), cut=True))
        second = await stage.upstream(speaking(STOP, DONE))
        gateway = await stage.gateway(first, second, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        assert text_of(response.body) == "All is said."

    play(scene)


@pytest.mark.parametrize("kept", ["error", "choices", "refusal", "no other"])
def test_what_is_not_continued_ends_with_one_error(play: Any, kit: Any, speaking: Any, kept: str) -> None:
    """By the route's choice, or because nobody can go on: an explicit error, never a clean end."""
    options = replace(OPTIONS, after_commit=AfterCommit.ERROR) if kept == "error" else OPTIONS
    pieces = [delta({"refusal": "I can't"})] if kept == "refusal" else texts("one", " two")

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*pieces, cut=True))
        second = await stage.upstream(speaking(*texts(" three."), STOP, DONE))
        upstreams = [first] if kept == "no other" else [first, second]
        gateway = await stage.gateway(
            *upstreams, options=replace(options, attempts=1 if kept == "no other" else 3)
        )
        body = kit.chat(stream=True, **({"n": 2} if kept == "choices" else {}))
        response = await (await stage.client(gateway)).ask(kit.post(body))
        assert response.status == 200
        assert not response.whole
        chunks = events_of(response.body)
        assert [("error" in chunk) for chunk in chunks].count(True) == 1
        assert "error" in chunks[-1]
        assert second.connections == 0
        assert stage.outcomes[0].fault is not None

    play(scene)


def test_a_continuation_that_is_cut_is_continued_too(play: Any, kit: Any, speaking: Any) -> None:
    """Three calls a request: the third target gets all that the first two have said."""
    asked: list[Any] = []

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*texts("One two"), cut=True))
        second = await stage.upstream(speaking(*texts(" three four", answer_id="x"), cut=True))
        third = await stage.upstream(speaking(*texts(" five.", answer_id="y"), STOP, DONE, asked=asked))
        gateway = await stage.gateway(first, second, third, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        assert text_of(response.body) == "One two three four five."
        assert len(stage.outcomes[0].continuations) == 2

    play(scene)
    assert asked[0]["messages"][1]["content"] == "One two three four"


@pytest.mark.parametrize("text_first", [False, True], ids=["call alone", "after text"])
def test_a_tool_call_is_whole_or_not_there(play: Any, kit: Any, speaking: Any, text_first: bool) -> None:
    """A cut in the middle of a call is retried unseen."""
    begun = texts("Let me see.") if text_first else []

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*begun, *call('{"a"', ": 1"), cut=True))
        good = [*call('{"b"', ": 2}"), delta({}, "tool_calls", "other"), DONE]
        second = await stage.upstream(speaking(*good))
        gateway = await stage.gateway(first, second, options=OPTIONS)
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True, tools=tools)))
        assert response.whole
        chunks = events_of(response.body)[:-1]
        pieces = [
            piece["function"]["arguments"]
            for chunk in chunks
            if chunk["choices"]
            for piece in chunk["choices"][0]["delta"].get("tool_calls") or ()
        ]
        assert json.loads("".join(pieces)) == {"b": 2}
        assert text_of(response.body) == ("Let me see." if text_first else "")

    play(scene)


def test_a_finished_call_with_bad_json_is_the_models_answer(play: Any, kit: Any, speaking: Any) -> None:
    """It is delivered as it is, and nobody else is asked."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*call('{"a": '), delta({}, "tool_calls"), DONE))
        second = await stage.upstream(speaking(*texts("no"), STOP, DONE))
        gateway = await stage.gateway(first, second, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.whole
        assert b'{\\"a\\": ' in response.body
        assert second.connections == 0

    play(scene)


@pytest.mark.parametrize("why", ["route", "json"])
def test_an_answer_that_is_held_fails_over_unseen(play: Any, kit: Any, speaking: Any, why: str) -> None:
    """With `hold`, and for JSON answers, the client gets nothing before all is there."""
    options = replace(OPTIONS, after_commit=AfterCommit.HOLD) if why == "route" else OPTIONS
    form = {"response_format": {"type": "json_object"}} if why == "json" else {}

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*texts('{"a": ', "1"), cut=True))
        second = await stage.upstream(speaking(*texts('{"b": 2}', answer_id="other"), STOP, DONE))
        gateway = await stage.gateway(first, second, options=options)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True, **form)))
        assert response.whole
        assert text_of(response.body) == '{"b": 2}'
        assert stage.outcomes[0].continuations == ()

    play(scene)


def test_json_can_be_relayed_as_it_comes(play: Any, kit: Any, speaking: Any) -> None:
    """Then a cut is an error: half a JSON value can't be gone on with."""

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*texts('{"a": ', "1"), cut=True))
        second = await stage.upstream(speaking(*texts('{"b": 2}'), STOP, DONE))
        gateway = await stage.gateway(first, second, options=replace(OPTIONS, json_answers=JsonAnswers.RELAY))
        body = kit.chat(stream=True, response_format={"type": "json_object"})
        response = await (await stage.client(gateway)).ask(kit.post(body))
        assert text_of(response.body) == '{"a": 1'
        assert "error" in events_of(response.body)[-1]
        assert not response.whole

    play(scene)


@pytest.mark.parametrize("then", ["answer", "failure"])
def test_keep_alives_come_late_and_fix_the_status(play: Any, kit: Any, speaking: Any, then: str) -> None:
    """After the delay comments come; an answer follows them, and so does a failure, as an event."""
    answering = speaking(*texts("Here."), STOP, DONE)

    async def late(peer: Any) -> None:
        if then == "failure":
            await peer.request()
            await asyncio.sleep(0.05)
            peer.send(kit.ok(b'{"error": {"message": "no"}}', status="500 Internal Server Error"))
            return
        reader = peer.reader
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.05)
        reader._buffer[:0] = head  # so that the script reads the request from its start
        await answering(peer)

    async def scene(stage: Any) -> None:
        options = replace(OPTIONS, attempts=1, keepalive_after_s=0.005, keepalive_every_s=0.005)
        gateway = await stage.gateway(await stage.upstream(late), options=options)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert response.status == 200
        assert response.body.count(b": keep-alive\n\n") >= 2
        if then == "answer":
            assert text_of(response.body) == "Here."
            assert response.whole
        else:
            assert "error" in events_of(response.body)[-1]
            assert not response.whole

    play(scene)


def test_what_follows_a_call_that_was_cut_is_not_held(play: Any, kit: Any, speaking: Any) -> None:
    """The call went with its attempt: the text of the next one is passed on as it comes."""
    seen = asyncio.Event()

    async def waiting(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head + kit.framed(b"".join(texts(" And more."))))
        await seen.wait()
        peer.send(kit.framed(STOP + DONE) + b"0\r\n\r\n")

    async def scene(stage: Any) -> None:
        first = await stage.upstream(speaking(*texts("Let me see."), *call('{"a"'), cut=True))
        gateway = await stage.gateway(first, await stage.upstream(waiting), options=OPTIONS)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        async with asyncio.timeout(3):
            await client.reader.readuntil(b" And more.")
            seen.set()
            await client.reader.readuntil(b"[DONE]")

    play(scene)
