"""One provider on virtual time: servers with slots, a queue in front of them, and what goes wrong there.

Rules
1. A call is refused at the door (a crash, a fault, a rate limit, a full queue), or waits first come,
   first served for a slot, and holds it for its time to first token and its tokens.
2. A call that is given up leaves at once if the upstream is told and drops such work. Otherwise it
   keeps its place, takes a slot and is worked on to the end, for nobody, and is charged.
3. While it stands still nothing is worked on; what was under way ends as much later.
4. When it falls over, everything in it is lost, and until it has restarted it refuses with 503.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from halfopen.model import Fault, RateLimit, TransportError
from halfopen.seams import Entropy
from halfopen.simulator.call import Call, Stage
from halfopen.simulator.faults import Troubles
from halfopen.simulator.quota import Quota
from halfopen.simulator.refusals import Refusals
from halfopen.simulator.scenario import FaultKind, FaultSpec, UpstreamSpec
from halfopen.simulator.service import Service
from halfopen.simulator.timeline import Timeline
from halfopen.simulator.trace import Mark, Trace

_REFUSAL_S: Final = 0.005
"""How long an upstream takes to refuse what it does not work on."""
_QUEUED, _RUNNING, _REFUSED, _HUNG, _OVER = (
    Stage.QUEUED,
    Stage.RUNNING,
    Stage.REFUSED,
    Stage.HUNG,
    Stage.OVER,
)
_STARTED: Final = Mark.STARTED
_NOTHING: Final = Mark.NOTHING


class Upstream:
    """One provider. `take` calls, `drop` those that nobody waits for."""

    __slots__ = (
        "_at_door",
        "_busy",
        "_capacity",
        "_down_until",
        "_factor",
        "_fault_entropy",
        "_frozen",
        "_on_end",
        "_on_first",
        "_queue",
        "_quota",
        "_refusals",
        "_running",
        "_servers",
        "_service",
        "_spec",
        "_stall_since",
        "_stalled_s",
        "_timeline",
        "_trace",
        "_waiting",
        "in_flight",
        "index",
        "input_tokens",
        "is_mispatched",
        "name",
        "output_tokens",
        "target_name",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of, once a run
        self,
        spec: UpstreamSpec,
        index: int,
        target_name: str,
        timeline: Timeline,
        trace: Trace,
        refusals: Refusals,
        service: Service,
        fault_entropy: Entropy,
    ) -> None:
        """Idle. `fault_entropy` says which calls are refused by a fault."""
        self._spec = spec
        self.index = index
        self.name = spec.name
        self.target_name = target_name
        self._timeline = timeline
        self._trace = trace
        limited = spec.requests_per_minute > 0 or spec.tokens_per_minute > 0
        self._quota = Quota(spec.requests_per_minute, spec.tokens_per_minute) if limited else None
        self._refusals = refusals
        self._service = service
        self._fault_entropy = fault_entropy
        self._servers = spec.servers
        self._factor = 1.0
        self._capacity = spec.servers * spec.slots
        self._at_door: tuple[FaultSpec, ...] = ()
        self.is_mispatched = False
        self._queue: deque[Call] = deque()
        self._waiting = 0
        self._busy = 0
        self.in_flight = 0
        """Calls that are here, those included that wait or are just being refused."""
        self._running: dict[Call, None] = {}
        self._frozen: list[tuple[float, Callable[[Call], None], Call]] = []
        self._stall_since: float | None = None
        self._stalled_s = 0.0
        self._down_until = 0.0
        self.input_tokens = 0
        """Charged so far, for calls that count."""
        self.output_tokens = 0
        self._on_first = self._first
        self._on_end = self._end

    @property
    def load(self) -> float:
        """Share of the slots that are busy."""
        return self._busy / self._capacity if self._capacity else 1.0

    @property
    def cost(self) -> float:
        """US dollars for the calls that count."""
        spec = self._spec
        return (self.input_tokens * spec.price_input + self.output_tokens * spec.price_output) / 1e6

    # Calls.

    def take(self, call: Call) -> None:
        """A call comes in."""
        self.in_flight += 1
        now = self._timeline.now
        call.stalled_s = self._stalled_s
        if self._down_until > now or self._at_door or self._quota is not None:
            delay_s, fault = self._judge(call, now)
            if call.stage is _HUNG:
                return
            if fault is not None:
                self._refuse(call, fault, delay_s)
                return
        limit = self._spec.crashes_above
        if limit and self._busy + self._waiting >= limit:
            self._crash(call, now)
        elif self._busy < self._capacity and self._stall_since is None and not self._waiting:
            self._start(call, now)
        elif self._waiting >= self._spec.queue:
            self._refuse(call, self._refusals.status(503), _REFUSAL_S)
        else:
            self._waiting += 1
            self._queue.append(call)

    def drop(self, call: Call, *, told: bool) -> None:
        """Nobody waits for the call any more. `told`: the upstream learns of it."""
        call.caller = None
        stage, now = call.stage, self._timeline.now
        if stage is _REFUSED or stage is _HUNG:
            call.stage = _OVER
            self.in_flight -= 1
            return
        if not told or not self._spec.drops_cancelled:
            self._trace.note(now, Mark.ABANDONED, _NOTHING, call.request, call.attempt, self.index)
            return
        self._trace.note(now, Mark.DROPPED, _NOTHING, call.request, call.attempt, self.index)
        if stage is _QUEUED:  # it stays in the queue, and is passed over
            call.stage = _OVER
            self._waiting -= 1
            self.in_flight -= 1
        elif stage is _RUNNING:
            if call.counted:
                self.output_tokens -= call.output_tokens - self.streamed(call, now)[0]
            self._release(call)
            self._start_waiting(now)

    def streamed(self, call: Call, now: float) -> tuple[int, float]:
        """How many tokens a call has brought, and when the last of them came."""
        since = call.content_at
        if since is None or now < since:
            return 0, 0.0
        stalled_s = self._stalled_s - call.stalled_s
        last_s = now
        if self._stall_since is not None:
            stalled_s += now - max(self._stall_since, since)
            last_s = max(self._stall_since, since)
        if call.interval_s <= 0.0:
            return call.output_tokens, since
        passed_s = max(0.0, now - since - stalled_s)
        tokens = int(passed_s / call.interval_s)
        if 1 + tokens >= call.output_tokens:
            return call.output_tokens, last_s
        return 1 + tokens, max(since, last_s - (passed_s - tokens * call.interval_s))

    def _judge(self, call: Call, now: float) -> tuple[float, Fault | None]:
        """Whether a call is refused at the door, and how late."""
        if now < self._down_until:
            if self._spec.restart_extends:
                self._down_until = now + self._spec.restart_s
            return _REFUSAL_S, self._refusals.status(503)
        for spec in self._at_door:
            if spec.kind is FaultKind.KEY:
                return spec.after_s, self._refusals.status(401)
            if spec.share < 1.0 and self._fault_entropy() >= spec.share:
                continue
            if spec.kind is FaultKind.HANG:
                call.stage = _HUNG
                return 0.0, None
            return spec.after_s, self._refusals.status(spec.status)
        if self._quota is not None:
            wait_s = self._quota.take(call.input_tokens + call.output_tokens, now)
            if wait_s is not None:
                return _REFUSAL_S, self._refusals.limited(wait_s)
        return 0.0, None

    def _refuse(self, call: Call, fault: Fault, delay_s: float) -> None:
        call.stage = _REFUSED
        call.fault = fault
        call.status = fault.status
        now = self._timeline.now
        self._trace.note(
            now, Mark.REFUSED, _NOTHING, call.request, call.attempt, self.index, fault.status or 0
        )
        self._timeline.at(now + delay_s, self._refused, call)

    def _refused(self, call: Call) -> None:
        if call.stage is _REFUSED:
            call.stage = _OVER
            self.in_flight -= 1
            if call.caller is not None:
                call.caller.on_end(call, self._told())

    def _told(self) -> tuple[RateLimit, ...]:
        return () if self._quota is None else self._quota.told(self._timeline.now)

    # Work.

    def _start(self, call: Call, now: float) -> None:
        self._busy += 1
        call.stage = _RUNNING
        first_s, rest_s = self._service.begin(call, self._busy / self._capacity)
        if call.counted:
            self.input_tokens += call.input_tokens
            self.output_tokens += call.output_tokens
        if self._spec.crashes_above:
            self._running[call] = None
        self._trace.note(now, _STARTED, _NOTHING, call.request, call.attempt, self.index, first_s + rest_s)
        if call.stream and rest_s > 0.0:
            self._timeline.at(now + first_s, self._on_first, call)
        else:
            if not call.stream:  # for what is charged when it is dropped
                call.content_at = now + first_s
            self._timeline.at(now + first_s + rest_s, self._on_end, call)

    def _first(self, call: Call) -> None:
        if call.stage is not _RUNNING:
            return
        if self._stall_since is not None or self._stalled_s > call.stalled_s:
            self._hold_up(call, self._on_first)
            return
        call.content_at = now = self._timeline.now
        self._timeline.at(now + call.interval_s * (call.output_tokens - 1), self._on_end, call)
        if call.caller is not None:
            call.caller.on_content(call, () if self._quota is None else self._told())

    def _end(self, call: Call) -> None:
        if call.stage is not _RUNNING:
            return
        if self._stall_since is not None or self._stalled_s > call.stalled_s:
            self._hold_up(call, self._on_end)
            return
        now = self._timeline.now
        self._release(call)
        if self._waiting:
            self._start_waiting(now)
        caller = call.caller
        if caller is None:
            return
        limits = () if self._quota is None else self._told()
        if call.stream and call.content_at is None and call.output_tokens:
            call.content_at = now
            caller.on_content(call, limits)
            if call.caller is None:
                return
        caller.on_end(call, limits)

    def _hold_up(self, call: Call, event: Callable[[Call], None]) -> None:
        """The upstream stands still, or has since the event was put down: put it off."""
        if self._stall_since is not None:
            self._frozen.append((self._timeline.now, event, call))
        else:
            self._put_off(self._timeline.now, event, call)

    def _put_off(self, when: float, event: Callable[[Call], None], call: Call) -> None:
        owed_s = self._stalled_s - call.stalled_s
        call.stalled_s = self._stalled_s
        if call.content_at is not None:
            call.content_at += owed_s
        self._timeline.at(when + owed_s, event, call)

    def _release(self, call: Call) -> None:
        call.stage = _OVER
        self._busy -= 1
        self.in_flight -= 1
        if self._running:
            self._running.pop(call, None)

    def _start_waiting(self, now: float) -> None:
        queue = self._queue
        while self._busy < self._capacity and self._waiting and self._stall_since is None:
            call = queue.popleft()
            if call.stage is _QUEUED:
                self._waiting -= 1
                call.stalled_s = self._stalled_s
                self._start(call, now)
        if not self._waiting:
            queue.clear()

    # What becomes of it.

    def on_troubles(self, troubles: Troubles) -> None:
        """What is wrong has changed."""
        now = self._timeline.now
        self._at_door = troubles.at_door
        self._service.slow = troubles.slow
        self._service.spoiling = troubles.in_answer
        self.is_mispatched = troubles.is_mispatched
        self._factor = troubles.capacity
        if troubles.is_stalled:
            if self._stall_since is None:
                self._stall_since = now
        elif self._stall_since is not None:
            self._stalled_s += now - self._stall_since
            self._stall_since = None
            frozen, self._frozen = self._frozen, []
            for when, event, call in frozen:
                self._put_off(when, event, call)
        self._resize(now)

    def on_fault(self, index: int, *, began: bool) -> None:
        """One fault began or ended."""
        mark = Mark.FAULT_BEGAN if began else Mark.FAULT_ENDED
        self._trace.note(self._timeline.now, mark, _NOTHING, 0, 0, self.index, index)

    def lose_cache(self) -> None:
        """The cache is gone."""
        if self._service.cache is not None:
            self._service.cache.lose()

    def set_servers(self, servers: int) -> None:
        """So many serve from now on."""
        now = self._timeline.now
        self._servers = servers
        self._trace.note(now, Mark.SERVERS, _NOTHING, 0, 0, self.index, servers)
        self._resize(now)

    def _resize(self, now: float) -> None:
        # What runs on servers that are taken away is done to the end.
        self._capacity = int(self._servers * self._spec.slots * self._factor + 0.5)
        self._start_waiting(now)

    def _crash(self, last: Call, now: float) -> None:
        """Fall over, with all that is here and the call that was too much."""
        self._trace.note(now, Mark.CRASHED, _NOTHING, last.request, last.attempt, self.index, self._busy)
        lost = [*self._running, *(call for call in self._queue if call.stage is _QUEUED), last]
        self._running.clear()
        self._queue.clear()
        self._frozen.clear()
        self._busy = self._waiting = 0
        self.lose_cache()
        self._down_until = now + self._spec.restart_s
        self._timeline.at(self._down_until, self._restart, None)
        for call in lost:
            if call.stage is _RUNNING and call.counted:  # nobody is charged for an answer that was lost
                self.input_tokens -= call.input_tokens
                self.output_tokens -= call.output_tokens
            begun = call.stream and call.content_at is not None
            if begun:
                call.output_tokens = self.streamed(call, now)[0]
            call.fault = self._refusals.transport(TransportError.CUT if begun else TransportError.RESET)
            call.status = None
            call.stage = _REFUSED
            self._timeline.at(now + _REFUSAL_S, self._refused, call)

    def _restart(self, _nothing: None) -> None:
        now = self._timeline.now
        if now < self._down_until:
            self._timeline.at(self._down_until, self._restart, None)
        else:
            self._trace.note(now, Mark.RESTARTED, _NOTHING, 0, 0, self.index)
