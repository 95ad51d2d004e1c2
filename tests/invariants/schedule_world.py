"""A world of targets, routes and requests on virtual time, with the real policies and a faithful driver.

It does what the gateway's runtime, exchange and timers do, and nothing else. The targets are watched:
every admission and every permit that is given back is told to the oracles.
"""

from collections.abc import Callable, Container, Sequence

from oracle import Asked, Oracle
from schedule_exchange import Exchange

from halfopen.model import Demand, Fault, Target, Usage
from halfopen.policy import Credential, Journey, JourneyOptions, PolicyOptions, TargetState
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.options import PacerOptions
from halfopen.policy.queue import Line
from halfopen.policy.target import Permit, Refused
from halfopen.seams import Entropy

_ANY_DEMAND = Demand()
_TIMERS_MAX = 5000
BEGAN = 1000.0


class Watched(TargetState):
    """A target state whose dealings the oracles see. Planted bugs override the methods with an underscore."""

    __slots__ = ("world",)
    world: "World"

    def admit(
        self,
        now: float,
        *,
        only_choice: bool,
        demand: Demand = _ANY_DEMAND,
        own: bool = True,
        but: Container[int] = (),
    ) -> Permit | Refused:
        """As ever, and tell."""
        limit, lost = self.limiter.limit, self.limiter.lost
        answer = self._admit(now, only_choice=only_choice, demand=demand, own=own, but=but)
        limit += self.limiter.lost - lost
        asked = Asked(self, answer, limit=limit, own=own, only_choice=only_choice, demand=demand, but=but)
        for oracle in self.world.oracles:
            oracle.on_asked(asked)
        return answer

    def answering(self, permit: Permit, now: float, waited_s: float) -> None:
        """As ever, and tell."""
        super().answering(permit, now, waited_s)
        for oracle in self.world.oracles:
            oracle.on_answering(self, permit)

    def settle_success(self, permit: Permit, now: float, usage: Usage | None = None) -> None:
        """As ever, and tell."""
        self._told(permit, "success", None, lambda: self._settle_success(permit, now, usage))

    def settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Usage | None = None) -> None:
        """As ever, and tell."""
        self._told(permit, "fault", fault, lambda: self._settle_fault(permit, fault, now, usage))

    def settle_cancelled(self, permit: Permit, now: float) -> None:
        """As ever, and tell."""
        self._told(permit, "cancelled", None, lambda: self._settle_cancelled(permit, now))

    def _told(self, permit: Permit, how: str, fault: Fault | None, settle: Callable[[], None]) -> None:
        for oracle in self.world.oracles:
            oracle.before_settle(self, permit, how, fault)
        settle()
        for oracle in self.world.oracles:
            oracle.after_settle(self, permit, how, fault)

    def _admit(
        self, now: float, *, only_choice: bool, demand: Demand, own: bool, but: Container[int]
    ) -> Permit | Refused:
        return super().admit(now, only_choice=only_choice, demand=demand, own=own, but=but)

    def _settle_success(self, permit: Permit, now: float, usage: Usage | None) -> None:
        super().settle_success(permit, now, usage)

    def _settle_fault(self, permit: Permit, fault: Fault, now: float, usage: Usage | None) -> None:
        super().settle_fault(permit, fault, now, usage)

    def _settle_cancelled(self, permit: Permit, now: float) -> None:
        super().settle_cancelled(permit, now)


class Route:
    """Targets in order of preference, who waits for them, and what may be spent on hedges."""

    def __init__(self, states: Sequence[Watched], options: JourneyOptions, line: Line) -> None:
        """Nobody waits."""
        self.states = states
        self.options = options
        self.line = line
        self.hedge = HedgeBudget(options.hedge)

    def let_go(self, now: float) -> None:
        """Before somebody else looks for room: whoever is at the head of the line may take it."""
        if len(self.line) and any(
            state.limiter.has_room_for(now, own=True) and state.retry_at(now) <= now for state in self.states
        ):
            self.line.wake(1, now)


class World:
    """Everything that the requests of one schedule share."""

    def __init__(self, policy: PolicyOptions, entropy: Entropy) -> None:
        """Without targets, routes and oracles.

        Args:
            policy: The options that the targets share.
            entropy: Where the policies draw from.
        """
        self.policy = policy
        self.entropy = entropy
        self.now = self.began = BEGAN
        self.late_s = 0.0
        """How much later than asked for the driver has looked at a timer, at most."""
        self.states: list[Watched] = []
        self.credentials: dict[str, list[Credential]] = {}
        self.routes: list[Route] = []
        self.waiting_max = 1000
        self.journey_class: type[Journey] = Journey
        self.exchanges: list[Exchange] = []
        self.live: list[Exchange] = []
        self.asking: Exchange | None = None
        """Whose journey is deciding."""
        self.oracles: list[Oracle] = []
        self.trace: list[str] | None = None
        self.leaves_now: Callable[[], bool] = lambda: False
        """Whether the client leaves between two actions."""

    def add_target(self, target: Target, keys: int, pacing: PacerOptions) -> Watched:
        """A target, behind so many keys unless its provider has been given some."""
        credentials = self.credentials.setdefault(
            target.provider, [Credential(self.policy.parking) for _ in range(keys)]
        )
        state = Watched(target, credentials, self.policy, self.entropy, self.now, pacing=pacing)
        state.world = self
        self.states.append(state)
        return state

    def add_route(self, states: Sequence[Watched], options: JourneyOptions) -> Route:
        """A route with a line of its own."""
        line = Line(lambda: sum(len(route.line) for route in self.routes) < self.waiting_max)
        route = Route(states, options, line)
        self.routes.append(route)
        return route

    def add(self, exchange: Exchange) -> None:
        """A request arrives."""
        self.exchanges.append(exchange)
        self.live.append(exchange)
        exchange.start()

    def note(self, what: str) -> None:
        """One line of the trace, if there is one."""
        if self.trace is not None:
            self.trace.append(f"{self.now - self.began!r} {what}")

    def wake(self, target: str, count: int) -> None:
        """Room may be free at a target: tell the lines that lead there, those of its own traffic first."""
        for own in (True, False):
            for route in self.routes:
                names = [state.target.name for state in route.states]
                if len(route.line) and target in names and (names[0] == target) is own:
                    route.line.wake(count, self.now)

    @property
    def next_timer(self) -> float:
        """When a journey wants to be looked at."""
        return min((exchange.wake_at for exchange in self.live), default=float("inf"))

    def advance(self, to: float) -> None:
        """Time passes, and what is due is looked at."""
        self.now = max(self.now, to)
        self.fire()

    def fire(self) -> None:
        """Look at every timer that is due, in their order."""
        for _ in range(_TIMERS_MAX):
            due = min(self.live, key=lambda exchange: exchange.wake_at, default=None)
            if due is None or due.wake_at > self.now:
                return
            due.on_timer()
        raise RuntimeError("timers without an end")

    def wrongs(self) -> list[str]:
        """What every oracle has found."""
        return [wrong for oracle in self.oracles for wrong in oracle.wrongs]
