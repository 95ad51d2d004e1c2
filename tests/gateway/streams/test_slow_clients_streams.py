"""Streams whose client stops reading at the worst moment."""

import asyncio
from typing import Any

import pytest

from halfopen.gateway import ending
from halfopen.model import Usage
from halfopen.policy import JourneyOptions

OPTIONS = JourneyOptions(deadline_s=8, attempt_s=4, first_token_s=4)
LONG = "y" * 4000


def unsent(gateway: Any) -> int:
    return max((each._transport.get_write_buffer_size() for each in gateway._connections), default=0)


def is_paused(gateway: Any) -> bool:
    return any(each._requester is not None and each._requester._paused for each in gateway._connections)


@pytest.mark.parametrize("split", [True, False], ids=["in the counts", "behind the finish"])
@pytest.mark.usefixtures("small_buffers")
def test_a_finished_stream_waits_for_its_client(
    play: Any, kit: Any, says: Any, speaking: Any, monkeypatch: pytest.MonkeyPatch, split: bool
) -> None:
    """What follows the finish is late because nobody reads: the answer comes whole, with its counts."""
    monkeypatch.setattr(ending, "_FINISH_S", 0.05)
    go_on = asyncio.Event()

    async def first(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head + kit.framed(says.delta({"content": "hi "})))
        await go_on.wait()
        usage = says.counts(30, 4)
        at = 40 if split else 0
        burst = [kit.framed(says.delta({"content": LONG})) for _ in range(11)]
        peer.send(b"".join(burst) + kit.framed(says.stop) + (kit.framed(usage[:at]) if at else b""))
        await asyncio.sleep(0.03)
        peer.send(kit.framed(usage[at:]) + kit.framed(says.done) + b"0\r\n\r\n")
        await peer.gone()

    async def scene(stage: Any) -> None:
        second = await stage.upstream(speaking(*says.texts(" SECOND MODEL"), says.stop, says.done))
        gateway = await stage.gateway(await stage.upstream(first), second, options=OPTIONS)
        body = kit.chat(stream=True, stream_options={"include_usage": True})
        sock = await says.slow_client(stage, gateway, kit.post(body))
        go_on.set()
        await stage.until(lambda: is_paused(gateway), lambda: unsent(gateway))
        await stage.hold(lambda: stage.outcomes == [], lambda: stage.outcomes, 0.3)
        response = says.body_of(await says.read_until(sock, b"\r\n0\r\n\r\n"))
        sock.close()
        events = says.events_of(response)
        assert says.text_of(response) == "hi " + LONG * 11
        assert events[-1] == "[DONE]"
        assert [each["usage"]["total_tokens"] for each in events[:-1] if each.get("usage")] == [34]
        (outcome,) = stage.outcomes
        assert (outcome.fault, outcome.continuations, second.connections) == (None, (), 0)
        assert [attempt.fault for attempt in outcome.attempts] == [None]
        assert outcome.usage == Usage(30, 4)

    play(scene)


@pytest.mark.usefixtures("small_buffers")
def test_a_continuation_for_a_slow_client_is_read_no_faster_than_it(play: Any, kit: Any, says: Any) -> None:
    """The client was slow when the next target was called: that call is held back as well."""
    sent = 0
    go_on = asyncio.Event()

    async def first(peer: Any) -> None:
        await peer.request()
        peer.send(kit.stream_head + kit.framed(says.delta({"content": "hi"})))
        await go_on.wait()
        error = b'data: {"error": {"message": "boom", "type": "server_error"}}\n\n'
        burst = [kit.framed(says.delta({"content": f"{number} {LONG}"})) for number in range(30)]
        peer.send(b"".join(burst) + kit.framed(error))
        await peer.gone()

    async def second(peer: Any) -> None:
        nonlocal sent
        await peer.request()
        peer.writer.transport.set_write_buffer_limits(high=64 * 1024)
        peer.send(kit.stream_head)
        for number in range(10_000):
            peer.send(kit.framed(says.delta({"content": f" {number}z {LONG}"})))
            await peer.writer.drain()
            sent += len(LONG)
        await peer.gone()

    async def scene(stage: Any) -> None:
        upstreams = [await stage.upstream(first), await stage.upstream(second)]
        gateway = await stage.gateway(*upstreams, options=OPTIONS)
        sock = await says.slow_client(stage, gateway, kit.post(kit.chat(stream=True)))
        go_on.set()
        await stage.until(lambda: sent > 0, lambda: stage.outcomes)
        before = -1
        while before != sent:
            before = sent
            for _ in range(5):
                await asyncio.sleep(0.02)
        # The sockets' buffers take some megabytes; without a pause all 40 MB are in the gateway.
        assert unsent(gateway) < 1024 * 1024
        assert sent < 20_000_000
        sock.close()
        await stage.until(lambda: stage.outcomes != [], lambda: sent)

    play(scene)
