"""The link to control: connects by itself, and never waits."""

import asyncio
import os
import socket

import pytest
import uvloop

from halfopen.app.processes.frames import FrameReader
from halfopen.app.processes.link import UNSENT_MAX_BYTES, ControlLink
from halfopen.app.processes.messages import Applied, Apply, Ask, Hello, Reload, Role

LOOPS = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]
HELLO = Hello(Role.WORKER, os.getpid(), 1, "abc")


class Listener:
    """A control that can be stopped, started and left unread."""

    def __init__(self, path):
        self.path = path
        self.server = None
        self.writers = []
        self.heard = []
        self.readers = FrameReader()

    async def start(self):
        self.server = await asyncio.start_unix_server(self.serve, str(self.path))

    async def serve(self, reader, writer):
        self.writers.append(writer)
        frames = FrameReader()
        while data := await reader.read(65536):
            self.heard += frames.feed(data)
        writer.close()

    async def stop(self):
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0)
        self.path.unlink(missing_ok=True)
        self.writers.clear()


@pytest.mark.parametrize("run", LOOPS)
def test_it_says_hello_and_messages_go_both_ways(run, state, eventually):
    """Hello comes first; what control says is handed on, or to who listens for it."""
    heard, listened = [], []

    async def play():
        listener = Listener(state.socket_path)
        await listener.start()
        link = ControlLink(state.socket_path, lambda: HELLO, heard.append, asyncio.get_running_loop())
        link.listen(Apply, listened.append)
        assert not link.send(Reload())
        link.start()
        await eventually(lambda: listener.heard)
        assert link.send(Applied("abc"))
        from halfopen.app.processes.frames import frame

        listener.writers[0].write(frame(Apply("x")) + frame(Reload()))
        await eventually(lambda: heard and len(listener.heard) == 2)
        link.close()
        await eventually(lambda: not link.connected)
        await listener.stop()
        return listener.heard

    assert run(play()) == [HELLO, Applied("abc")]
    assert (heard, listened) == ([Reload()], [Apply("x")])


@pytest.mark.parametrize("run", LOOPS)
def test_it_connects_when_control_comes_and_again_when_it_comes_back(run, state, eventually):
    """Nobody has to tell it."""

    async def play():
        listener = Listener(state.socket_path)
        link = ControlLink(state.socket_path, lambda: HELLO, lambda _: None, asyncio.get_running_loop())
        link.start()
        await asyncio.sleep(0.02)
        assert not link.connected
        for times in (1, 2, 3):
            await listener.start()
            await eventually(lambda: link.connected)
            assert link.connections == times
            await eventually(lambda times=times: len(listener.heard) == times)
            await listener.stop()
            await eventually(lambda: not link.connected)
        link.close()
        return listener.heard

    assert run(play()) == [HELLO] * 3


@pytest.mark.parametrize("run", LOOPS)
@pytest.mark.alone
def test_a_far_side_that_does_not_read_costs_a_bounded_buffer(run, state, eventually):
    """As much as the bound and a message more is taken, then send says no, at once."""

    async def play():
        with socket.socket(socket.AF_UNIX) as frozen:
            frozen.bind(str(state.socket_path))
            frozen.listen(5)
            link = ControlLink(state.socket_path, lambda: HELLO, lambda _: None, asyncio.get_running_loop())
            link.start()
            await eventually(lambda: link.connected)
            message, sent = Ask("x", "y" * 10_000), 0
            loop = asyncio.get_running_loop()
            began = loop.time()
            while link.send(message) and sent < 10_000:
                sent += 1
            spent_s = loop.time() - began
            assert not link.send(Reload())
            link.close()
            return sent * 10_000, spent_s

    taken_bytes, spent_s = run(play())
    assert UNSENT_MAX_BYTES * 0.9 < taken_bytes < UNSENT_MAX_BYTES + 1_000_000
    assert spent_s < 0.5


def test_a_far_side_that_talks_nonsense_is_left_and_tried_again(state, eventually):
    """A length of four gigabytes is not waited for."""

    async def play():
        async def babble(reader, writer):
            writer.write(b"\xff" * 8)
            await reader.read()
            writer.close()

        server = await asyncio.start_unix_server(babble, str(state.socket_path))
        link = ControlLink(state.socket_path, lambda: HELLO, lambda _: None, asyncio.get_running_loop())
        link.start()
        await eventually(lambda: link.connections >= 2)
        link.close()
        server.close()
        await eventually(lambda: not link.connected)

    asyncio.run(play())
