"""The faults of one upstream on the timeline, and what they come to at any time."""

from typing import Protocol

from halfopen.simulator.scenario import FaultKind, FaultSpec
from halfopen.simulator.timeline import Timeline

STEP_S = 0.1
"""A factor that moves is set anew this often."""


class Troubles:
    """What is wrong with an upstream now."""

    __slots__ = ("at_door", "capacity", "in_answer", "is_mispatched", "is_stalled", "slow")

    def __init__(self) -> None:
        """Nothing is."""
        self.at_door: tuple[FaultSpec, ...] = ()
        """Those that answer, or hang, before any work is done."""
        self.in_answer: tuple[FaultSpec, ...] = ()
        """Those that spoil an answer."""
        self.slow = 1.0
        self.capacity = 1.0
        self.is_stalled = False
        self.is_mispatched = False


class Patient(Protocol):
    """Who has the faults."""

    def on_troubles(self, troubles: Troubles) -> None:
        """What is wrong has changed."""

    def on_fault(self, index: int, *, began: bool) -> None:
        """One fault began or ended."""

    def lose_cache(self) -> None:
        """The cache is gone."""


class Faults:
    """Switches the faults of one upstream on and off."""

    __slots__ = ("_active", "_patient", "_specs", "_timeline")

    def __init__(self, specs: tuple[FaultSpec, ...], patient: Patient, timeline: Timeline) -> None:
        """Puts them on the timeline."""
        self._specs = specs
        self._patient = patient
        self._timeline = timeline
        self._active = [False] * len(specs)
        for index, spec in enumerate(specs):
            timeline.at(spec.from_s, self._begin, (index, 0))

    def _begin(self, turn: tuple[int, int]) -> None:
        index, period = turn
        spec = self._specs[index]
        if spec.kind is FaultKind.COLD:
            self._patient.on_fault(index, began=True)
            self._patient.lose_cache()
            return
        until_s = spec.until_s
        if spec.every_s > 0:
            next_s = spec.from_s + (period + 1) * spec.every_s
            until_s = min(until_s, next_s - spec.every_s / 2.0)
            if next_s < spec.until_s:
                self._timeline.at(next_s, self._begin, (index, period + 1))
        self._timeline.at(until_s, self._end, index)
        self._active[index] = True
        self._patient.on_fault(index, began=True)
        self._change()
        if spec.factor_end is not None and spec.kind in (FaultKind.SLOW, FaultKind.CAPACITY):
            self._timeline.at(self._timeline.now + STEP_S, self._move, (index, until_s))

    def _end(self, index: int) -> None:
        self._active[index] = False
        self._patient.on_fault(index, began=False)
        self._change()

    def _move(self, moving: tuple[int, float]) -> None:
        if self._timeline.now < moving[1]:
            self._change()
            self._timeline.at(self._timeline.now + STEP_S, self._move, moving)

    def _factor(self, spec: FaultSpec) -> float:
        if spec.factor_end is None or spec.until_s <= spec.from_s:
            return spec.factor
        passed = (self._timeline.now - spec.from_s) / (spec.until_s - spec.from_s)
        return spec.factor + (spec.factor_end - spec.factor) * min(1.0, max(0.0, passed))

    def _change(self) -> None:
        troubles = Troubles()
        for spec, active in zip(self._specs, self._active, strict=True):
            if not active:
                continue
            if spec.kind in (FaultKind.ERROR, FaultKind.HANG, FaultKind.KEY):
                troubles.at_door = (*troubles.at_door, spec)
            elif spec.kind in (FaultKind.DRIP, FaultKind.CUT, FaultKind.EMPTY):
                troubles.in_answer = (*troubles.in_answer, spec)
            elif spec.kind is FaultKind.SLOW:
                troubles.slow *= self._factor(spec)
            elif spec.kind is FaultKind.CAPACITY:
                troubles.capacity *= self._factor(spec)
            elif spec.kind is FaultKind.STALL:
                troubles.is_stalled = True
            elif spec.kind is FaultKind.SCALE_IN:
                troubles.is_mispatched = True
        self._patient.on_troubles(troubles)
