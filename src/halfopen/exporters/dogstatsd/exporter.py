"""Sends counts to a DogStatsD agent, never in anybody's way.

Rules
1. Whoever adds counts adds to a sum in memory. One thread makes datagrams of it, every so many seconds.
2. Nobody knows whether a datagram arrives. One that the system refuses is counted.
3. Counts are told once the agent's name can be looked up; until then they wait.
4. A defect ends one turn, not the thread, and is told.
"""

import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from halfopen.exporters.dogstatsd.datagrams import datagrams
from halfopen.exporters.dogstatsd.report import health_line, metric_lines
from halfopen.exporters.figures import Figure, states
from halfopen.exporters.pending_counts import PendingCounts
from halfopen.rollout.settings import Statsd
from halfopen.seams.sums import Sums

BURST_MAX: Final = 64
"""Datagrams that are sent at once: an agent's buffer holds few."""
BURST_PAUSE_S: Final = 0.02
EVENTS_MAX: Final = 100
"""Events that wait."""


class StatsdExporter:
    """One thread for one agent. Every method may be called in any thread, and none waits."""

    def __init__(self, settings: Statsd, host: str) -> None:
        """Prepare it; `start` begins. `host` is the agent's name or address."""
        self._settings = settings
        self._place = (host, settings.port)
        self._tags = tuple(settings.tags.items())
        self._pending = PendingCounts()
        self._changed = threading.Condition()
        self._states: list[Figure] = []
        self._events: list[str] = []
        self._health = ""
        self._stopping = False
        self.sent = 0
        """Datagrams that the system took."""
        self.dropped = 0
        """Datagrams that it refused, and lines that are too long for any."""
        self.problem = ""
        """Why nothing can be sent now; empty: it can."""
        self.defect = ""
        """What failed here at last, by a defect; empty: nothing. What was at hand then is dropped."""
        self._thread = threading.Thread(target=self._run, name="statsd", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def add(self, sums: Sums) -> None:
        """Take the counts of some outcomes."""
        self._pending.add(sums)

    def look(self, overview: Mapping[str, Any]) -> None:
        """Take how everything is: an `Overview` as JSON has it."""
        line = health_line(self._health, overview, self._tags)
        now = list(states(overview))
        with self._changed:
            self._health = str(overview["health"])
            self._states = now
            if line is not None and len(self._events) < EVENTS_MAX:
                self._events.append(line)
                self._changed.notify_all()

    @property
    def untold(self) -> int:
        """Requests whose counts were forgotten: the agent was gone for too long."""
        return self._pending.forgotten

    @property
    def has_ended(self) -> bool:
        """Whether nothing is sent any more, though it should be."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stopping

    def stop(self, most_s: float) -> None:
        """Send what there is, for at most `most_s`, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(most_s)

    def _run(self) -> None:
        due = time.monotonic() + self._settings.every_s
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or self._events, max(due - time.monotonic(), 0))
                stopping = self._stopping
                events, self._events = self._events, []
                now = self._states
            is_due = time.monotonic() >= due
            if is_due:
                due = time.monotonic() + self._settings.every_s
            try:
                self._tell(events, now, with_counts=is_due or stopping)
            except Exception as error:  # noqa: BLE001 - a defect must not end the thread, which nobody would see
                self.dropped += len(events) + 1
                self.defect = f"{type(error).__name__}: {error}"
            if stopping:
                return

    def _tell(self, events: list[str], now: list[Figure], *, with_counts: bool) -> None:
        address = self._address()
        if address is None:
            self.dropped += len(events)
            return
        lines = self._report(now) + events if with_counts else events
        if lines:
            self._send(lines, *address)

    def _report(self, now: list[Figure]) -> list[str]:
        return metric_lines(self._pending.take(), now, self._settings.prefix, self._tags)

    def _address(self) -> tuple[int, Any] | None:
        """The agent's family and address; None: its name can't be looked up now."""
        try:
            family, _, _, _, address = socket.getaddrinfo(*self._place, type=socket.SOCK_DGRAM)[0]
        except (OSError, UnicodeError) as error:  # the latter: it can be no name of a host
            self.problem = f"{self._place[0]}: {getattr(error, 'strerror', None) or error}"
            return None
        return family, address

    def _send(self, lines: list[str], family: int, address: Any) -> None:
        made, left_out = datagrams(lines)
        self.dropped += left_out
        problem = ""
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            for number, datagram in enumerate(made, 1):
                problem = self._sent(out, datagram, address) or problem
                if number % BURST_MAX == 0:
                    time.sleep(BURST_PAUSE_S)
        self.problem = problem

    def _sent(self, out: socket.socket, datagram: bytes, address: Any) -> str:
        """Send one; why it could not be."""
        try:
            out.sendto(datagram, address)
        except OSError as error:
            self.dropped += 1
            return f"{self._place[0]}:{self._place[1]}: {error.strerror or error}"
        self.sent += 1
        return ""
