"""Liveness of the small model: from any state, with a healthy environment from then on.

Rules
1. Every request comes to an end, and nothing breaks the rules on the way.
2. Everything is given back: permits, places in the lines.
3. A new request succeeds within a bound: one comes each second until one does. The bound is 15 s from the
   time at which all are over, or from the end of the last pause that a server has asked for.

The calls that are under way when the environment becomes healthy are answered as well (`old_answer`), or
are lost for good: then it is the timers and the leases that must help.
"""

import math

from exhaustive_model import HEALTHY_S, Call, Request, World

from halfopen.policy import events as ev

BOUND_S = 15.0
PATIENCE_S = 120.0


def recovered(world: World, *, old_answer: bool) -> list[str]:
    """What is broken when the environment is healthy from now on; empty: nothing. Uses the world up."""
    try:
        return _recovered(world, old_answer=old_answer)
    except Exception as error:  # noqa: BLE001 - whatever a defect raises is a finding
        return [f"raised {type(error).__name__}: {error}"]


def _recovered(world: World, *, old_answer: bool) -> list[str]:
    lost = [] if old_answer else list(world.calls())
    began, rules = world.now, world.rules
    pauses = [*rules.quiet_until, *rules.throttled.values()]
    _run_healthy(world, lost)
    broken = rules.broken or _left_behind(world)
    if broken:
        return broken
    # A credential that was refused is left alone for its time, too.
    park_s = world.policy.parking.key_s
    bound = max(world.now + park_s, *pauses) + BOUND_S
    while world.now <= bound:
        request = world.add(tuple(range(world.variant.targets)))
        request.arrived = world.now
        request.step(ev.Arrived())
        _run_healthy(world, [])
        if rules.broken:
            return rules.broken
        if any(attempt.fault is None and not attempt.cancelled for attempt in request.journey.attempts):
            return []
        world.now += 1.0
    return [f"rule 10: no new request succeeds until {bound:.1f}, healthy since {began:.1f}"]


def _left_behind(world: World) -> list[str]:
    broken = [f"rule 10: r{each.number} never ends" for each in world.live()]
    broken += [
        f"rule 4: {state.limiter.in_flight} permits of p{index} are out, and nobody is there"
        for index, state in enumerate(world.states)
        if state.limiter.in_flight
    ]
    if any(len(line) for line in world.routes.values()):
        broken.append("rule 4: somebody who is over stands in a line")
    return broken


def _run_healthy(world: World, lost: list[Call]) -> None:
    """Let time pass; every call is answered in a moment, except those that are lost."""
    until = world.now + PATIENCE_S
    due: dict[Call, float] = {}
    while not world.rules.broken and world.now < until:
        live = world.live()
        if not live:
            return
        calls = [call for call in world.calls() if call not in lost]
        for call in calls:
            due.setdefault(call, world.now + HEALTHY_S)
        first = min(calls, key=due.__getitem__, default=None)
        timer = min(live, key=_wake_at)
        wake_at = timer.wakes_at
        if first is not None and due[first] <= wake_at:
            world.now = max(world.now, due.pop(first))
            world.take(f"r{first.request.number}.{first.attempt} {_next(world, first)}")
        elif wake_at == math.inf:
            return
        else:
            world.now = max(world.now, wake_at)
            world.take(f"r{timer.number} timer")


def _next(world: World, call: Call) -> str:
    """What a healthy upstream does next."""
    return "content" if world.variant.stream and (not call.answered or call.held) else "finishes"


def _wake_at(request: Request) -> float:
    return request.wakes_at
