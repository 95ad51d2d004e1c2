"""Content never costs an outcome: both senders on one link, in virtual time, under any schedule."""

from collections import deque

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.app.processes.content_sender import ContentSender
from halfopen.app.processes.frames import FrameReader
from halfopen.app.processes.link import UNSENT_MAX_BYTES
from halfopen.app.processes.messages import Contents, Outcomes, Recorded
from halfopen.app.processes.outcome_sender import FLUSH_S, KEPT_MAX, KEPT_MAX_BYTES, OutcomeSender
from halfopen.model import Attempt, Outcome
from halfopen.model.content import Content, Message, Part, Transcript

TICK_BYTES = 64 * 1024
"""What control reads in a tenth of a second when it is slow: a worker's full load is less."""


class Timer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class World:
    """A link with a buffer that control empties, and a clock that is moved by hand."""

    def __init__(self, *, with_content):
        self.now, self.connections = 100.0, 1
        self.timers, self.listeners = [], {}
        self.buffer, self.buffered = deque(), 0
        self.recorded, self.kept_most, self.bytes_most = 0, 0, 0
        self.contents = 0
        self.outcomes = OutcomeSender(self, self, wall=lambda: self.now)
        self.sender = ContentSender(self, self, self.outcomes) if with_content else None

    # As a loop.
    def time(self):
        return self.now

    def call_later(self, delay_s, callback):
        assert delay_s == FLUSH_S
        self.timers.append(Timer(callback))
        return self.timers[-1]

    # As a link.
    def listen(self, kind, callback):
        self.listeners[kind] = callback

    @property
    def unsent_bytes(self):
        return self.buffered

    def send_frame(self, data):
        if self.buffered > UNSENT_MAX_BYTES:
            return False
        self.buffer.append([data, len(data)])
        self.buffered += len(data)
        return True

    def tick(self, outcomes, size, reads):
        """A tenth of a second: so many requests end, then timers ring, and control reads so many bytes."""
        for number in range(outcomes):
            self.outcomes.add(outcome(number))
            if self.sender is not None and size:
                self.sender.add(content(number, size))
        self.now += FLUSH_S
        timers, self.timers = self.timers, []
        for timer in timers:
            if timer.callback:
                timer.callback()
        self.kept_most = max(self.kept_most, self.outcomes.unrecorded)
        self.bytes_most = max(self.bytes_most, self.outcomes._kept_bytes)
        self.read(reads)

    def read(self, room):
        while self.buffer and room > 0:
            frame = self.buffer[0]
            taken = min(frame[1], room)
            frame[1] -= taken
            room -= taken
            self.buffered -= taken
            if not frame[1]:
                self.buffer.popleft()
                self.heard(frame[0])

    def heard(self, data):
        for message in FrameReader().feed(data):
            if isinstance(message, Outcomes):
                self.recorded += message.count
                self.listeners[Recorded](Recorded(message.source, message.first + message.count))
            elif isinstance(message, Contents):
                self.contents += len(message.rows)


def outcome(number):
    attempt = Attempt("p/m", 10.0, 11.0, connected=10.1, first_byte=10.2, first_content=10.3, status=200)
    return Outcome(f"ho-{number}", "m", False, 10.0, 11.0, (attempt,), (), "p/m", None, False, None)


def content(number, size):
    prompt = Transcript((Message("user", (Part("text", "x" * size),)),))
    return Content(f"ho-{number}", 1.0, True, 65_536, prompt, prompt)


TICKS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 50, 300]),
        st.sampled_from([0, 200, 8192, 65_536]),
        st.sampled_from([0, 1000, TICK_BYTES, 10 * TICK_BYTES]),
    ),
    min_size=1,
    max_size=25,
)


@settings(deadline=None, max_examples=40)
@given(TICKS)
def test_content_costs_no_outcome(ticks):
    """Where outcomes alone would need half of their room at most, none is lost with content beside them."""
    alone, both = World(with_content=False), World(with_content=True)
    for world in (alone, both):
        for tick in ticks:
            world.tick(*tick)
    assert both.sender is not None
    assert both.sender.waiting_bytes <= 4 * 1024 * 1024
    if alone.kept_most <= KEPT_MAX // 2 and alone.bytes_most <= KEPT_MAX_BYTES // 2:
        assert both.outcomes.dropped == 0, (alone.kept_most, both.kept_most)
        for world in (alone, both):
            for _ in range(60):
                world.tick(0, 0, 10 * TICK_BYTES)
        assert both.recorded == alone.recorded == sum(made for made, _, _ in ticks)
        assert both.outcomes.unrecorded == 0


def test_a_control_that_barely_keeps_up_loses_nothing():
    """It reads a little more than outcomes need: content leaves them half of their room, however much there is."""
    measured = World(with_content=False)
    measured.tick(500, 0, 0)
    needed = measured.buffered
    alone, both = World(with_content=False), World(with_content=True)
    for world in (alone, both):
        for _ in range(10):
            world.tick(10, 65_536, 0)
        for _ in range(60):
            world.tick(500, 8192, int(needed * 1.02))
    assert alone.outcomes.dropped == 0
    assert both.outcomes.dropped == 0
    assert both.kept_most <= KEPT_MAX // 2, (alone.kept_most, both.kept_most)
    assert both.sender is not None
    assert both.sender.dropped > 0


def test_both_get_through_when_control_reads():
    """Else the property would hold since nothing is ever sent."""
    world = World(with_content=True)
    for _ in range(20):
        world.tick(10, 8192, 10 * TICK_BYTES)
    for _ in range(20):
        world.tick(0, 0, 10 * TICK_BYTES)
    assert (world.recorded, world.contents, world.sender.dropped) == (200, 200, 0)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(content(1, 1)), type=Content) == content(1, 1)
