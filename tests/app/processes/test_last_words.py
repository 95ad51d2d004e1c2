"""What the supervisor remembers of workers that are no more, and what control makes of it."""

import asyncio
import os
import sqlite3
import sys

from halfopen.app.processes.ended_counter import EndedCounter, new_counter
from halfopen.app.processes.ended_workers import REMEMBERED_MAX, EndedWorkers
from halfopen.app.processes.handed_snapshot import NONE
from halfopen.app.processes.last_words import SETTLE_S
from halfopen.app.processes.messages import Ended, Role
from halfopen.app.processes.outcome_sender import OutcomeSender
from halfopen.store.sqlite import SOURCES_MAX


class Link:
    """A link that takes so many messages."""

    def __init__(self):
        self.connected = True
        self.connections = 1
        self.takes = 1000
        self.sent = []

    def send(self, message):
        if not self.takes:
            return False
        self.takes -= 1
        self.sent.append(message)
        return True


async def worker(made, source="5eed"):
    """A process that has ended so many requests, and its counter."""
    descriptor = new_counter()
    EndedCounter(f"{int(source, 16):016x}", os.dup(descriptor)).cells[0] = made
    return await asyncio.create_subprocess_exec(sys.executable, "-c", ""), descriptor


async def ended(workers, made, source="5eed"):
    process, descriptor = await worker(made, source)
    workers.watch(process, descriptor)
    await process.wait()
    await asyncio.gather(*workers._watching)


def test_control_is_told_at_once_and_on_each_new_connection():
    """It may have been killed before it had stored what it was told."""

    async def play():
        link = Link()
        workers = EndedWorkers(lambda: link)
        workers.tell()
        await ended(workers, 7)
        first = list(link.sent)
        workers.tell()
        again = list(link.sent)
        link.connections += 1
        workers.tell()
        return first, again, link.sent

    first, again, last = asyncio.run(play())
    word = Ended(f"{0x5EED:016x}", 7)
    assert (first, again, last) == ([word], [word], [word, word])


def test_who_could_not_be_told_is_told_later():
    """Control was away, or did not read."""

    async def play():
        link = Link()
        workers = EndedWorkers(lambda: link)
        workers.tell()
        link.takes = 0
        await ended(workers, 7)
        link.connected = False
        await ended(workers, 8, "c0de")
        workers.tell()
        link.takes, link.connected = 1000, True
        workers.tell()
        return [each.made for each in link.sent]

    assert asyncio.run(play()) == [7, 8]


def test_what_is_remembered_is_bounded_and_less_than_a_store_remembers():
    """A store that has forgotten a source would count it again from its beginning."""

    async def play():
        workers = EndedWorkers(lambda: None)
        process, descriptor = await worker(1)
        for _ in range(REMEMBERED_MAX + 1):
            workers.watch(process, os.dup(descriptor))
        workers.watch(process, NONE)
        os.close(descriptor)
        await asyncio.gather(*workers._watching)
        return len(workers._ended)

    assert asyncio.run(play()) == REMEMBERED_MAX < SOURCES_MAX


def stored(state):
    """Rows, and how many are known to be lost."""
    db = sqlite3.connect(state.outcomes_path)
    (rows,) = db.execute("SELECT count(*) FROM outcomes").fetchone()
    (lost,) = db.execute("SELECT value FROM totals WHERE name = 'lost'").fetchone()
    db.close()
    return rows, lost


def test_what_never_came_is_lost_once_and_what_still_comes_is_not(
    state, controlled, speaker, outcome, eventually
):
    """The word of a dead worker waits until all that it had sent is read, and is taken once."""

    async def play():
        async with controlled() as control:
            supervisor = speaker(state.socket_path, Role.SUPERVISOR)
            dead = speaker(state.socket_path, Role.WORKER)
            sender = OutcomeSender(dead.link, asyncio.get_running_loop())
            for each in (supervisor, dead):
                each.link.start()
            await eventually(lambda: supervisor.link.connected and dead.link.connected)
            for number in range(5):
                sender.add(outcome(number))
            await sender.drain(3.0)
            word = Ended(sender._source, 12)
            supervisor.link.send(word)
            await asyncio.sleep(0.05)
            for number in range(5, 8):
                sender.add(outcome(number))
            assert await sender.drain(3.0)
            connected = control.status()["outcomes"]["dropped"]
            dead.link.close()
            await eventually(lambda: control.status()["outcomes"]["dropped"] == 4, SETTLE_S * 6)
            supervisor.link.send(word)
            supervisor.link.close()
        return connected

    assert asyncio.run(play()) == 0
    assert stored(state) == (8, 4)


def test_at_the_end_of_control_no_word_is_lost(state, controlled, speaker, outcome, eventually):
    """Though the moment for which it waits is not over."""

    async def play():
        async with controlled() as control:
            supervisor = speaker(state.socket_path, Role.SUPERVISOR)
            supervisor.link.start()
            await eventually(lambda: supervisor.link.connected)
            await eventually(
                lambda: control.status()["store"]["state"] == "ok" and state.outcomes_path.exists()
            )
            supervisor.link.send(Ended("5eed", 3))
            await eventually(lambda: control._last_words._waiting)

    asyncio.run(play())
    assert stored(state) == (0, 3)
