"""Adds and removes servers, late.

Rules
1. It looks every `every_s` at the share of busy slots, and wants as many servers as would be busy to
   `target_load`; never below `min`, above `max`, nor more than `step` away from what is there or starting.
2. It takes servers away only if it has wanted so few for as long as a new one takes to start: by the most
   that it has wanted since.
3. A server that is added serves after `start_s`; one that is removed takes no more work at once.
4. Mispatched, it removes servers when it should add them.

Source: Kubernetes' Horizontal Pod Autoscaler, desired = ceil(current · metric / target), and
its stabilisation window for scaling down.
"""

from collections import deque
from math import ceil
from typing import Protocol

from halfopen.simulator.scenario import Autoscaler
from halfopen.simulator.timeline import Timeline


class Scaled(Protocol):
    """What it looks at and changes."""

    is_mispatched: bool

    @property
    def load(self) -> float:
        """Share of the slots that are busy."""
        ...

    def set_servers(self, servers: int) -> None:
        """So many serve from now on."""


class Scaler:
    """The autoscaler of one upstream."""

    __slots__ = ("_scaled", "_spec", "_starting", "_timeline", "_wanted", "servers")

    def __init__(self, spec: Autoscaler, servers: int, scaled: Scaled, timeline: Timeline) -> None:
        """Looks first after `every_s`."""
        self._spec = spec
        self._scaled = scaled
        self._timeline = timeline
        self._starting = 0
        looks = 1 + max(0, ceil(spec.start_s / spec.every_s - 1e-9))
        self._wanted: deque[int] = deque([servers] * looks, maxlen=looks)
        """What it has wanted lately."""
        self.servers = servers
        """Those that serve."""
        timeline.at(timeline.now + spec.every_s, self._look, None)

    def _look(self, _nothing: None) -> None:
        spec, there = self._spec, self.servers + self._starting
        wanted = ceil(self.servers * self._scaled.load / spec.target_load - 1e-9)
        self._wanted.append(wanted)
        if wanted < there:
            wanted = min(there, max(self._wanted))
        change = min(spec.step, max(-spec.step, wanted - there))
        if self._scaled.is_mispatched and change > 0:
            change = -change
        wanted = min(spec.max, max(spec.min, there + change))
        self._timeline.at(self._timeline.now + spec.every_s, self._look, None)
        if wanted > there:
            self._starting += wanted - there
            self._timeline.at(self._timeline.now + spec.start_s, self._started, wanted - there)
        elif wanted < there:
            self._change(wanted - there)

    def _started(self, servers: int) -> None:
        self._starting -= servers
        self._change(min(servers, self._spec.max - self.servers))

    def _change(self, by: int) -> None:
        # Servers that are starting can't be stopped: those that serve go first.
        self.servers = max(0, self.servers + by)
        self._scaled.set_servers(self.servers)
