"""What waits before it may go out: how much of it there may be, and what the client sees meanwhile."""

import asyncio
import json
import tracemalloc
from typing import Any

import pytest

from halfopen.gateway import delivery
from halfopen.gateway.delivery import Delivery
from halfopen.model import Kind, Target
from halfopen.policy import JourneyOptions
from halfopen.providers.chat_request import parse_chat
from halfopen.providers.clients.chat.writer import ChatWriter
from halfopen.providers.continuation import Delivered, Identity, delivered
from halfopen.providers.contract import Form, StreamEvent, StreamKind
from halfopen.providers.openai import OPENAI

OPTIONS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)
MIB = 1024 * 1024


class Nowhere:
    """A way to a client that takes everything."""

    def begin(self, *_: Any) -> None: ...

    def write(self, data: bytes, as_chunk: bytes = b"") -> None: ...


def delivery_of(answer_max_bytes: int = MIB) -> Delivery:
    noted: Any = Delivered()
    responder: Any = Nowhere()
    return Delivery(responder, ChatWriter, noted.note, holds_all=False, answer_max_bytes=answer_max_bytes)


def reader_of(**fields: Any) -> Any:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}], **fields}
    chat: Any = parse_chat(json.dumps(body).encode())
    return OPENAI.reader(chat, Target("p", "m", "openai"))


@pytest.mark.parametrize("finished", [False, True], ids=["before content", "behind the finish"])
def test_counts_that_nobody_asked_for_take_no_memory(says: Any, finished: bool) -> None:
    """300,000 chunks with token counts, all hidden from the client, are not kept."""
    reader, sending = reader_of(), delivery_of()
    if finished:
        for event in [*reader.feed(says.delta({"content": "hi"})), *reader.feed(says.stop)]:
            sending.take(event)
    hidden = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n' * 1000
    events = reader.feed(hidden)
    assert [event.kind for event in events] == [StreamKind.USAGE] * 1000
    tracemalloc.start()
    try:
        for _ in range(300):
            for event in events:
                sending.take(event)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept_bytes < MIB


def test_what_an_event_takes_beside_its_bytes_is_counted() -> None:
    """Many tiny events are bounded as well: they take several times their bytes."""
    sending = delivery_of()
    held = 0
    with pytest.raises(BufferError):  # noqa: PT012 - the loop is what is tried
        for _ in range(20_000):
            sending.take(StreamEvent(StreamKind.OPENING, b"data: {}\n\n"))
            held += 1
    assert held < 6000


def test_more_than_can_be_held_is_an_answer_too_large(
    play: Any, kit: Any, says: Any, speaking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kind says so, and the next target answers."""
    monkeypatch.setattr(delivery, "HELD_MAX_BYTES", 10_000)

    async def scene(stage: Any) -> None:
        roles = [says.delta({"role": "assistant"})] * 100
        first = await stage.upstream(speaking(*roles, *says.texts("late"), says.stop, says.done))
        second = await stage.upstream(speaking(*says.texts("fine"), says.stop, says.done))
        gateway = await stage.gateway(first, second, options=OPTIONS)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert says.text_of(response.body) == "fine"
        assert stage.outcomes[0].attempts[0].fault.kind is Kind.ANSWER_TOO_LARGE

    play(scene)


def test_delivered_text_takes_about_its_own_size() -> None:
    """A long answer in many small pieces is kept as few large ones."""
    noted = Delivered()
    tracemalloc.start()
    try:
        for number in range(50_000):
            noted.note(StreamEvent(StreamKind.CONTENT, b"", 4, form=Form.TEXT, text=f"{number % 10000:04}"))
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(noted.text) == 200_000
    assert kept_bytes < 600_000


def test_text_beyond_what_can_be_gone_on_with_is_forgotten() -> None:
    """Past the bound nothing of it is of use, and nothing of it is kept."""
    noted = Delivered()
    piece = "x" * 100_000
    for _ in range(delivered.TEXT_MAX_CHARS // len(piece) + 2):
        noted.note(StreamEvent(StreamKind.CONTENT, b"", len(piece), form=Form.TEXT, text=piece))
    assert noted.text == ""
    assert "characters were delivered" in str(noted.obstacle(_chat()))


def _chat() -> Any:
    return parse_chat(b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]}')


def test_only_who_goes_on_with_a_stream_looks_for_its_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks cost no second parsing, whether they carry an id or not; the first tells it."""
    looks = 0
    look = delivered.identity_of

    def counted(data: bytes) -> Any:
        nonlocal looks
        looks += 1
        return look(data)

    monkeypatch.setattr(delivered, "identity_of", counted)
    noted = Delivered()
    bare = b'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n'
    for _ in range(100):
        noted.note(StreamEvent(StreamKind.CONTENT, bare, 1, form=Form.TEXT, text="a"))
    assert looks == 0
    assert noted.identity == Identity()
    assert looks == 1


def test_an_empty_call_beside_text_holds_nothing(play: Any, kit: Any, says: Any) -> None:
    """Some servers send `"function_call": {}` with every chunk: the text flows all the same."""
    read = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head + kit.framed(says.delta({"content": "Hello", "function_call": {}})))
        await read.wait()
        peer.send(b"".join(map(kit.framed, [says.stop, says.done])) + b"0\r\n\r\n")
        await peer.gone()

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(script), options=OPTIONS)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        async with asyncio.timeout(2):
            await client.reader.readuntil(b"Hello")
        read.set()
        async with asyncio.timeout(2):
            await client.reader.readuntil(b"data: [DONE]\n\n")

    play(scene)


def test_an_upstreams_own_pings_come_through_while_a_call_is_held(play: Any, kit: Any, says: Any) -> None:
    """The client has text already and waits for a whole call: it sees that the line is alive."""
    seen = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        begun = [*says.texts("Let me see."), *says.call('{"a":')]
        peer.send(kit.stream_head + b"".join(map(kit.framed, begun)))
        peer.send(kit.framed(b": PROCESSING\n\n"))
        await seen.wait()
        rest = [says.call(" 1}")[1], says.delta({}, "tool_calls"), says.done]
        peer.send(b"".join(map(kit.framed, rest)) + b"0\r\n\r\n")
        await peer.gone()

    async def scene(stage: Any) -> None:
        gateway = await stage.gateway(await stage.upstream(script), options=OPTIONS)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        async with asyncio.timeout(2):
            before = await client.reader.readuntil(b": PROCESSING")
        assert b"Let me see." in before
        assert b"tool_calls" not in before
        seen.set()
        async with asyncio.timeout(2):
            after = await client.reader.readuntil(b"data: [DONE]\n\n")
        assert after.count(b"call_1") == 1

    play(scene)


@pytest.mark.parametrize("then", ["failure", "answer"])
def test_pings_before_any_answer_fix_nothing(
    play: Any, kit: Any, says: Any, speaking: Any, then: str
) -> None:
    """An upstream that pings and dies leaves no trace: the status is the final one."""

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head + kit.framed(b": PROCESSING\n\n") * 3)
        await peer.writer.drain()
        await asyncio.sleep(0.02)
        peer.reset()

    async def scene(stage: Any) -> None:
        first = await stage.upstream(script)
        if then == "answer":
            second = await stage.upstream(speaking(*says.texts("fine"), says.stop, says.done))
        else:
            refusal = kit.ok(b'{"error": {"message": "no"}}', status="500 Internal Server Error")
            second = await stage.upstream(kit.answering(refusal))
        options = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4, attempts=2)
        gateway = await stage.gateway(first, second, options=options)
        response = await (await stage.client(gateway)).ask(kit.post(kit.chat(stream=True)))
        assert b"PROCESSING" not in response.body
        assert (response.status == 200) is (then == "answer")
        assert response.whole

    play(scene)


def test_our_own_signs_of_life_come_while_a_call_is_held(play: Any, kit: Any, says: Any) -> None:
    """A call that takes long is held in silence; the connection is kept alive by us."""
    seen = asyncio.Event()

    async def script(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head + b"".join(map(kit.framed, says.call('{"a":'))))
        await seen.wait()
        rest = [says.call(" 1}")[1], says.delta({}, "tool_calls"), says.done]
        peer.send(b"".join(map(kit.framed, rest)) + b"0\r\n\r\n")
        await peer.gone()

    async def scene(stage: Any) -> None:
        options = JourneyOptions(
            deadline_s=8, attempt_s=4, first_token_s=4, keepalive_after_s=0.01, keepalive_every_s=0.01
        )
        gateway = await stage.gateway(await stage.upstream(script), options=options)
        client = await stage.client(gateway)
        client.send(kit.post(kit.chat(stream=True)))
        async with asyncio.timeout(2):
            before = await client.reader.readuntil(b": keep-alive\n\n")
            before += await client.reader.readuntil(b": keep-alive\n\n")
        assert b"call_1" not in before
        seen.set()
        async with asyncio.timeout(2):
            assert b"call_1" in await client.reader.readuntil(b"data: [DONE]\n\n")

    play(scene)
