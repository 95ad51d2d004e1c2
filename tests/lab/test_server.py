"""A simulated provider serves, survives rubbish and stops without a trace."""

import asyncio

import msgspec
import pytest
import uvloop

from halfopen.lab import LabProvider, free_port
from halfopen.lab.connection import BODY_MAX_BYTES


@pytest.mark.parametrize(
    "new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_it_starts_fails_and_stops_on_both_loops(new_loop, wire_of):
    """Good answers, resets and refusals work on either event loop, and no task is left behind."""

    async def main():
        provider = LabProvider("openai")
        await provider.start()
        wire = wire_of(provider)
        good = await wire.chat()
        seen = {}
        for name in ("refused", "reset_on_accept", "reset_after_request", "stream_reset_after_content"):
            provider.set_fault(name)
            seen[name] = (await wire.chat(stream=True)).error
        provider.clear()
        again = await wire.chat()
        await provider.stop()
        gone = await wire.chat()
        return good.status, seen, again.status, gone.error, len(asyncio.all_tasks())

    with asyncio.Runner(loop_factory=new_loop) as runner:
        good, seen, again, gone, tasks = runner.run(main())
    assert (good, again, gone, tasks) == (200, 200, "refused", 1)
    assert seen == {
        "refused": "refused",
        "reset_on_accept": "reset",
        "reset_after_request": "reset",
        "stream_reset_after_content": "reset",
    }


def test_a_stop_ends_hanging_answers(wire_of, chat_request):
    """Stopping drops connections that wait, and the clients see the end."""

    async def main():
        provider = LabProvider("openai")
        await provider.start()
        provider.set_fault("hang_before_headers")
        waiting = asyncio.create_task(wire_of(provider).chat())
        while not provider.calls:  # noqa: ASYNC110 - the lab has no event for it
            await asyncio.sleep(0.001)
        await provider.stop()
        return (await waiting).raw, provider.connections, provider.calls[0].client_left

    assert asyncio.run(main()) == (b"", 0, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
    ],
    ids=["bytes", "short", "version", "upgrade"],
)
def test_rubbish_gets_a_400_or_404_and_the_lab_lives_on(with_lab, raw):
    """What is not HTTP/1.1 harms nobody."""

    async def play(provider, wire):
        bad = await wire.send(raw)
        return bad, await wire.chat()

    bad, good = with_lab("openai", play)
    assert bad.status in {400, 401, 404}
    assert good.status == 200


def test_a_body_beyond_the_bound_is_refused(with_lab):
    """A request that would fill the memory gets a 413."""
    raw = b"POST /v1/chat/completions HTTP/1.1\r\nhost: lab\r\ntransfer-encoding: chunked\r\n\r\n"
    raw += b"%x\r\n" % (BODY_MAX_BYTES + 1) + b"x" * (BODY_MAX_BYTES + 1)
    seen = with_lab("openai", lambda _, wire: wire.send(raw, quiet_s=2.0))
    assert seen.error == "reset" or seen.status == 413


def test_pipelined_requests_are_answered_in_order(with_lab, chat_request):
    """Several requests in one write get their answers one after another."""

    def raw(prompt):
        path, body = chat_request("openai", prompt)
        data = msgspec.json.encode(body)
        head = f"POST {path} HTTP/1.1\r\nhost: lab\r\nauthorization: Bearer lab\r\ncontent-length: {len(data)}\r\n"
        return head.encode() + (b"connection: close\r\n" if prompt == "third" else b"") + b"\r\n" + data

    async def play(provider, wire):
        reader, writer = await asyncio.open_connection("127.0.0.1", provider.port)
        writer.write(raw("first") + raw("second") + raw("third"))
        answer = await reader.read(-1)
        writer.close()
        return answer

    answer = with_lab("openai", play)
    assert answer.index(b"to: first") < answer.index(b"to: second") < answer.index(b"to: third")


def test_a_taken_port_is_an_error():
    """Two providers can't share a port."""

    async def main():
        async with LabProvider("openai") as first:
            with pytest.raises(OSError, match="in use"):
                await LabProvider("openai", first.port).start()

    asyncio.run(main())


def test_ports_are_below_the_ephemeral_range():
    """A free port lies below 32768 and can be bound."""
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))


def test_a_paced_stream_notices_a_client_that_leaves(chat_request):
    """A client that closes in the middle of a good stream is recorded."""
    path, body = chat_request("openai", stream=True)
    data = msgspec.json.encode(body)
    head = f"POST {path} HTTP/1.1\r\nhost: lab\r\nauthorization: Bearer lab\r\ncontent-length: {len(data)}\r\n\r\n"

    async def main():
        async with LabProvider("openai", pace_s=0.01) as provider:
            reader, writer = await asyncio.open_connection("127.0.0.1", provider.port)
            writer.write(head.encode() + data)
            seen = await reader.readuntil(b"\n\n")
            writer.close()
            for _ in range(500):
                if provider.connections == 0:
                    break
                await asyncio.sleep(0.002)
            return seen, provider.calls[0]

    seen, call = asyncio.run(main())
    assert b"assistant" in seen
    assert call.client_left
    assert call.ended is not None
