"""What happens next in a world: every draw of a schedule, from one source of randomness.

`Schedule(rng)` draws a world; each of its operations draws and does one thing. `play` does them all: a
random schedule. A state machine calls them one by one, so that a failing example can be made smaller.
"""

import random
from collections.abc import Sequence

from oracle import Oracle
from schedule_exchange import Call, Exchange
from schedule_faults import POOLS
from schedule_options import (
    FOCI,
    Rng,
    draw_demand,
    draw_limits,
    draw_pacing,
    draw_policy,
    draw_route_options,
    draw_targets,
    draw_usage,
    pick,
)
from schedule_world import World

from halfopen.model import Fault
from halfopen.policy import AfterCommit, State

_END_S = 0.001
_DRAIN_MAX = 4000
_TICK_S = 0.01


class Schedule:
    """A world, and what happens in it."""

    def __init__(
        self, rng: Rng, oracles: Sequence[type[Oracle]] = (), *, focus: int = 0, traced: bool = False
    ) -> None:
        """Draws the world.

        Args:
            rng: Every later draw comes from it, too, unless an operation is given another.
            oracles: Who watches.
            focus: The invariant whose situations are to come up often; 0: none.
            traced: Whether what happens is written down.
        """
        self.rng = rng
        self.focus = focus_ = pick(rng, FOCI[focus])
        entropy = random.Random(int(rng.random() * 2**32)).random
        self.world = world = World(draw_policy(rng, focus_), entropy)
        if traced:
            world.trace = []
        self.requests = pick(rng, focus_.requests)
        self.steps = pick(rng, focus_.steps)
        self.dies_after = int(rng.random() * self.steps) if rng.random() < focus_.dead else self.steps
        """After so many steps no upstream says anything."""
        self._done = 0
        world.waiting_max = pick(rng, (1000, 0, 1, 3, 6))
        world.leaves_now = lambda: focus_.leaves > 0.0 and self.rng.random() < focus_.leaves
        for target in draw_targets(rng, focus_):
            world.add_target(target, pick(rng, focus_.keys), draw_pacing(rng, focus_))
        for number in range(pick(rng, focus_.routes)):
            turn = number % len(world.states)
            states = [*world.states[turn:], *world.states[:turn]]
            world.add_route(states, draw_route_options(rng, focus_))
        if rng.random() < focus_.warm:
            self._warm()
        world.oracles = [oracle(world) for oracle in oracles]
        ops = [
            (self.time_passes, focus_.time_weight),
            (self.upstream_speaks, 20),
            (self.request_arrives, 8),
            (self.client_leaves, focus_.leave_weight),
            (self.room_is_told, 1),
            (self.time_jumps, 1),
            (self.driver_crashes, 1),
        ]
        self._ops = tuple(op for op, weight in ops for _ in range(weight))

    def _warm(self) -> None:
        """The world has a past: times to first token are known, and hedges have been earned."""
        rng = self.rng
        for state in self.world.states:
            usual_s = pick(rng, (0.2, 1.0, 5.0))
            for number in range(20):
                state.first_content.record(usual_s * (0.8 + 0.02 * number))
                state.slowness.record(usual_s * (0.8 + 0.02 * number), self.world.now)
        for route in self.world.routes:
            for _ in range(pick(rng, self.focus.earned)):
                route.hedge.earn(1000)

    # Operations.

    def request_arrives(self) -> None:
        """A request comes, or a burst of them."""
        rng, world = self.rng, self.world
        for _ in range(pick(rng, (3, 5)) if rng.random() < self.focus.alone else 1):
            if len(world.exchanges) >= self.requests:
                return
            names = [state.target.name for state in world.states]
            exchange = Exchange(
                world,
                pick(rng, world.routes),
                draw_demand(rng, self.focus),
                stream=rng.random() < self.focus.streams,
                unfit=[name for name in names if rng.random() < self.focus.unfit],
                unfit_to_go_on=[name for name in names if rng.random() < self.focus.unfit],
                repeatable=rng.random() >= self.focus.once,
            )
            world.note(f"{exchange} arrives: {exchange.demand}, stream {exchange.stream}")
            world.add(exchange)

    def time_passes(self) -> None:
        """Up to the next timer, a tick after it at most, or less."""
        rng, world = self.rng, self.world
        draw, due = rng.random(), world.next_timer
        if draw < self.focus.to_the_timer and due < float("inf"):
            world.advance(max(world.now, due + pick(rng, (0.0, 0.0, _TICK_S))))
        elif draw < 0.8 or due == float("inf"):
            world.advance(min(world.now + pick(rng, self.focus.pauses_s), due))
        else:
            world.advance(max(world.now, world.now + rng.random() * (due - world.now)))

    def time_jumps(self) -> None:
        """The process was frozen: something happens before the timers are looked at."""
        rng, world = self.rng, self.world
        world.note("time jumps")
        due = world.next_timer
        world.now += pick(rng, (0.5, 5.0, 70.0, 700.0))
        if world.now > due:
            world.late_s = max(world.late_s, world.now - due)
        self.upstream_speaks()
        world.fire()

    def upstream_speaks(self) -> None:
        """One of the calls under way comes to its next stage, or fails."""
        if self._done >= self.dies_after:
            return
        calls = [(exchange, call) for exchange in self.world.live for call in exchange.calls.values()]
        if not calls:
            return
        exchange, call = pick(self.rng, calls)
        fails = self.rng.random() < self.focus.fails
        (self._fail if fails else self._go_on)(exchange, call)

    def client_leaves(self) -> None:
        """One of the clients goes away."""
        if self.world.live:
            exchange = pick(self.rng, self.world.live)
            self.world.note(f"{exchange} client leaves")
            exchange.leave()

    def driver_crashes(self) -> None:
        """One of the drivers fails."""
        if self.world.live and self.rng.random() < 0.5:
            pick(self.rng, self.world.live).crash()

    def room_is_told(self) -> None:
        """Somebody is told of room, rightly or not."""
        route = pick(self.rng, self.world.routes)
        route.line.wake(pick(self.rng, (1, 2, 9)), self.world.now)

    def _go_on(self, exchange: Exchange, call: Call) -> None:
        rng, journey = self.rng, exchange.journey
        draw = rng.random()
        if call.stage == 0 and draw < 0.8:
            exchange.connected(call)
        elif call.stage < 2:
            exchange.head(call, 200, draw_limits(rng, self.focus))
        elif exchange.stream and (draw < 0.6 or (call.stage == 2 and draw < 0.9)):
            if draw < 0.1:
                self.world.note(f"{exchange} keep-alive on {call.attempt}")
                return
            holds_all = exchange.route.options.after_commit is AfterCommit.HOLD
            held = holds_all or rng.random() < 0.25
            if journey.state is State.COMMITTED and rng.random() < self.focus.obstacles:
                exchange.obstacle = "a tool call has been delivered"
            self.world.note(f"{exchange} piece of {call.attempt}, held {held}")
            exchange.content(call, held=held, chars=pick(rng, (4, 400, 40_000)))
        else:
            exchange.finish(call, draw_usage(rng))

    def _fail(self, exchange: Exchange, call: Call) -> None:
        rng = self.rng
        fault = self._draw_fault()
        if call.stage == 1 and fault.status is not None:
            exchange.head(call, fault.status, draw_limits(rng, self.focus))
            if call.attempt not in exchange.calls:
                return
        exchange.fail(call, fault, draw_usage(rng))

    def _draw_fault(self) -> Fault:
        rng = self.rng
        pool = POOLS[pick(rng, self.focus.pools)]
        fault = pick(rng, pool)
        for _ in range(4):
            if fault.delay_s is None or rng.random() < self.focus.delays:
                break
            fault = pick(rng, pool)
        return fault

    # All of it.

    def step(self) -> None:
        """Draw an operation, and do it."""
        world = self.world
        self._done += 1
        if not world.live:
            if len(world.exchanges) < self.requests:
                self.request_arrives()
                return
            self._done = self.steps
            return
        pick(self.rng, self._ops)()

    def play(self) -> None:
        """Everything from the first request to the last one's end."""
        while self._done < self.steps:
            self.step()
        self.drain()

    def drain(self) -> None:
        """Bring every request to its end: nothing answers any more, or the clients leave."""
        world = self.world
        world.note("the upstreams say nothing any more")
        leaves = self.rng.random() < 0.3
        for _ in range(_DRAIN_MAX):
            if not world.live:
                break
            if leaves and self.rng.random() < 0.5:
                self.client_leaves()
                continue
            due = world.next_timer
            if due == float("inf"):
                raise RuntimeError(f"nobody will ever wake {world.live[0]}")
            world.advance(max(world.now, due))
        else:
            raise RuntimeError("requests without an end")
        world.advance(world.now + _END_S)
        world.note("over")
        for oracle in world.oracles:
            oracle.on_end()
