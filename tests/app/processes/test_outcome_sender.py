"""The sink of outcomes: bounded, batched, and never waiting."""

import asyncio
import os

import msgspec
import pytest

from halfopen import errors
from halfopen.app.processes.ended_counter import counted, new_counter
from halfopen.app.processes.frames import FrameReader
from halfopen.app.processes.messages import Outcomes, Recorded
from halfopen.app.processes.outcome_sender import BATCH_MAX, FLUSH_S, KEPT_MAX, KEPT_MAX_BYTES, OutcomeSender
from halfopen.model import Kind, Usage
from halfopen.seams.outcome_store import Sent


class Link:
    """A link that takes what it is told to take."""

    def __init__(self):
        self.connections = 1
        self.takes = True
        self.sent = []
        self.listeners = {}

    def listen(self, kind, callback):
        self.listeners[kind] = callback

    def send_frame(self, data):
        if self.takes:
            self.sent += FrameReader().feed(data)
        return self.takes

    def recorded(self, message):
        self.listeners[Recorded](message)

    @property
    def numbers(self):
        """First number and count of each batch that was sent."""
        return [(message.first, message.count) for message in self.sent if isinstance(message, Outcomes)]


class Loop:
    """A loop whose timers are rung by hand."""

    def __init__(self):
        self.now = 50.0
        self.timers = []

    def time(self):
        return self.now

    def call_later(self, delay_s, callback):
        assert delay_s == FLUSH_S
        self.timers.append(callback)
        return self

    def cancel(self):
        self.timers.clear()

    def ring(self):
        timers, self.timers = self.timers, []
        self.now += FLUSH_S
        for callback in timers:
            callback()


@pytest.fixture
def link():
    return Link()


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def sender(link, loop):
    return OutcomeSender(link, loop, wall=lambda: 1050.0)


def test_a_call_sends_nothing_and_the_timer_sends_all(sender, link, loop, outcome):
    """One timer for what comes in 100 ms; none while there is nothing."""
    for number in range(5):
        sender.add(outcome(number))
    assert (link.sent, len(loop.timers)) == ([], 1)
    loop.ring()
    assert link.numbers == [(0, 5)]
    link.recorded(Recorded(link.sent[0].source, 5))
    loop.ring()
    assert loop.timers == []


def test_times_are_those_of_the_wall_clock(sender, link, outcome):
    """The loop's clock is turned into the wall's when the batch is made."""
    sender.add(outcome(0))
    sender.flush()
    ((_, (row,)),) = msgspec.msgpack.decode(link.sent[0].rows, type=Sent).plain
    assert row[1] == 10.5 + 1000.0


def test_a_full_batch_is_sent_at_once(sender, link, outcome):
    """It doesn't wait for the timer."""
    for number in range(2 * BATCH_MAX + 1):
        sender.add(outcome(number))
    assert link.numbers == [(0, BATCH_MAX), (BATCH_MAX, BATCH_MAX)]
    assert sender.requests == 2 * BATCH_MAX + 1


def test_failures_are_counted(sender, outcome):
    """Requests that ended with a fault."""
    fault = errors.make(Kind.SERVER_ERROR)
    for number in range(6):
        sender.add(outcome(number, fault=fault if number % 3 == 0 else None))
    sender.flush()
    assert (sender.requests, sender.failures) == (6, 2)


def test_what_is_recorded_is_forgotten(sender, link, loop, outcome):
    """And what another source had recorded isn't."""
    for number in range(BATCH_MAX + 1):
        sender.add(outcome(number))
    sender.flush()
    source = link.sent[0].source
    link.recorded(Recorded("another", 999))
    assert sender.unrecorded == BATCH_MAX + 1
    link.recorded(Recorded(source, BATCH_MAX))
    assert sender.unrecorded == 1
    link.recorded(Recorded(source, BATCH_MAX + 1))
    assert sender.unrecorded == 0
    loop.ring()
    assert loop.timers == []


def test_on_a_new_connection_what_is_not_recorded_is_sent_again(sender, link, loop, outcome):
    """Control may have been killed with it."""
    sender.add(outcome(0))
    loop.ring()
    sender.add(outcome(1))
    loop.ring()
    link.recorded(Recorded(link.sent[0].source, 1))
    link.sent.clear()
    link.connections += 1
    sender.add(outcome(2))
    loop.ring()
    assert link.numbers == [(1, 1), (2, 1)]


def test_it_is_sent_again_though_nothing_new_comes(sender, link, loop, outcome):
    """Control was killed after the last request of the day."""
    sender.add(outcome(0))
    loop.ring()
    link.sent.clear()
    link.connections += 1
    loop.ring()
    assert link.numbers == [(0, 1)]


def test_all_that_are_over_are_counted_where_others_can_read_it(link, loop, outcome):
    """At once, under the name by which control knows them, those that could not be sent included."""
    descriptor = new_counter()
    sender = OutcomeSender(link, loop, counter=os.dup(descriptor))
    for number in range(3):
        sender.add(outcome(number))
        assert counted(descriptor).made == sender.requests == number + 1
    sender.add(outcome(3, usage=Usage(2**70, 1)))
    loop.ring()
    assert counted(descriptor) == (link.sent[0].source, 4)
    os.close(descriptor)


def test_while_control_takes_nothing_the_newest_are_kept(sender, link, loop, outcome):
    """As many as the bound says; the oldest go and are counted, and the order stays."""
    link.takes = False
    for number in range(KEPT_MAX + 3 * BATCH_MAX):
        sender.add(outcome(number))
    loop.ring()
    assert sender.dropped == 3 * BATCH_MAX
    assert sender.unrecorded == KEPT_MAX
    assert len(loop.timers) == 1, "it tries again by itself"
    link.takes = True
    loop.ring()
    firsts = [first for first, _ in link.numbers]
    assert firsts == list(range(3 * BATCH_MAX, KEPT_MAX + 3 * BATCH_MAX, BATCH_MAX))


def test_batches_that_are_large_are_bounded_by_their_bytes(sender, link, outcome):
    """Long faults take no more memory than short ones."""
    link.takes = False
    fault = errors.make(Kind.SERVER_ERROR, message="x" * 1000)
    for number in range(KEPT_MAX):
        sender.add(outcome(number, fault=fault, request_id="y" * 1000))
    assert sender.dropped > 0
    assert sum(len(kept.data) for kept in sender._kept) <= KEPT_MAX_BYTES


def test_an_outcome_that_can_not_be_encoded_costs_only_itself(sender, link, outcome):
    """It is dropped and counted, and its neighbours are sent. Numbers no upstream can mean are such a case."""
    usage = msgspec.structs.replace(outcome().usage, input_tokens=10**30)
    fault = errors.make(Kind.SERVER_ERROR)
    for each in (outcome(0), outcome(1, usage=usage, fault=fault), outcome(2, usage=usage)):
        sender.add(each)
    sender.flush()
    sent = [msgspec.msgpack.decode(message.rows, type=Sent) for message in link.sent]
    assert [(row[0], row[7], row[8]) for each in sent for _, rows in each.plain for row in rows] == [
        ("ho-0", 100, 20),
        ("ho-2", None, 20),
    ]
    assert (sender.dropped, sender.requests) == (1, 3)


def test_drain_is_bounded(link, outcome):
    """A control that is frozen holds no worker's end."""

    async def play():
        sender = OutcomeSender(link, asyncio.get_running_loop())
        sender.add(outcome(0))
        frozen = await sender.drain(0.03)
        asyncio.get_running_loop().call_later(0.01, link.recorded, Recorded(link.sent[0].source, 1))
        drained = await sender.drain(3.0)
        sender.close()
        return frozen, drained

    assert asyncio.run(play()) == (False, True)
