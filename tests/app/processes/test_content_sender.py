"""The sink of content: bounded, and never in the way of outcomes."""

import asyncio

import msgspec
import pytest

from halfopen.app.processes.content_sender import (
    AHEAD_MAX_BYTES,
    FLUSH_S,
    FRAME_BYTES,
    WAITING_MAX_BYTES,
    ContentSender,
)
from halfopen.app.processes.frames import FrameReader
from halfopen.model.content import Content, Message, Part, Transcript


class Link:
    """A link that takes what it is told to take."""

    def __init__(self):
        self.takes = True
        self.unsent_bytes = 0
        self.frames = []

    def send_frame(self, data):
        if self.takes:
            self.frames.append(data)
        return self.takes

    @property
    def ids(self):
        messages = FrameReader().feed(b"".join(self.frames))
        rows = [msgspec.msgpack.decode(row, type=Content) for message in messages for row in message.rows]
        return [row.request_id for row in rows]


class Loop:
    """A loop whose timers are rung by hand."""

    def __init__(self):
        self.timers = []

    def call_later(self, delay_s, callback):
        assert delay_s == FLUSH_S
        self.timers.append(callback)
        return asyncio.TimerHandle(0.0, callback, (), self)

    def get_debug(self):
        return False

    def _timer_handle_cancelled(self, handle):
        self.timers.clear()

    def ring(self):
        timers, self.timers = self.timers, []
        for callback in timers:
            callback()


class Outcomes:
    """A sender of outcomes that is how it is told to be."""

    is_behind = False
    is_held_up = False


class Scene:
    def __init__(self):
        self.link, self.loop, self.outcomes = Link(), Loop(), Outcomes()
        self.sender = ContentSender(self.link, self.loop, self.outcomes)

    def add(self, number, size=100):
        prompt = Transcript((Message("user", (Part("text", "x" * size),)),))
        self.sender.add(Content(f"ho-{number}", 1.0, True, 8192, prompt, Transcript()))


@pytest.fixture
def scene():
    return Scene()


def test_what_comes_goes_by_the_timer(scene):
    """All of it in one message; no timer while there is nothing."""
    for number in range(5):
        scene.add(number)
    assert (scene.link.frames, len(scene.loop.timers)) == ([], 1)
    scene.loop.ring()
    assert scene.link.ids == [f"ho-{n}" for n in range(5)]
    assert (len(scene.link.frames), scene.loop.timers, scene.sender.waiting_bytes) == (1, [], 0)


def test_a_message_is_not_so_long_that_outcomes_wait(scene):
    """Large content goes in several, a few at each ring."""
    for number in range(40):
        scene.add(number, 60_000)
    scene.loop.ring()
    assert 0 < len(scene.link.ids) < 40
    while scene.loop.timers:
        scene.loop.ring()
    assert scene.link.ids == [f"ho-{n}" for n in range(40)]
    assert max(map(len, scene.link.frames)) <= FRAME_BYTES + 100


def test_while_control_is_away_the_latest_is_kept(scene):
    """Bounded; what goes is counted, and the rest is sent once control is back."""
    scene.link.takes = False
    for number in range(100):
        scene.add(number, 120_000)
        scene.loop.ring()
        assert scene.sender.waiting_bytes <= WAITING_MAX_BYTES
    scene.link.takes = True
    while scene.loop.timers:
        scene.loop.ring()
    sent = scene.link.ids
    assert sent == [f"ho-{n}" for n in range(100 - len(sent), 100)]
    assert scene.sender.dropped == 100 - len(sent) > 0


def test_content_goes_before_outcomes_do(scene):
    """When outcomes wait in great numbers, all content is given up, and counted."""
    scene.add(0)
    scene.outcomes.is_behind = True
    scene.add(1)
    scene.loop.ring()
    assert (scene.sender.dropped, scene.sender.waiting_bytes, scene.link.frames) == (2, 0, [])
    scene.outcomes.is_behind = False
    scene.add(2)
    scene.loop.ring()
    assert scene.link.ids == ["ho-2"]


@pytest.mark.parametrize("why", ["an outcome waits", "control reads slowly"])
def test_outcomes_go_first(scene, why):
    """Content waits, and goes when nothing is in its way any more; it is not given up for that."""
    scene.outcomes.is_held_up = why == "an outcome waits"
    scene.link.unsent_bytes = AHEAD_MAX_BYTES + (why == "control reads slowly")
    scene.add(0)
    scene.loop.ring()
    assert scene.link.frames == []
    scene.outcomes.is_held_up, scene.link.unsent_bytes = False, 0
    scene.loop.ring()
    assert (scene.link.ids, scene.sender.dropped) == (["ho-0"], 0)
