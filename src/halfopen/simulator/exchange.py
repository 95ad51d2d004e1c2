"""One request in a run: carries out what its plan decides, as the gateway's exchange does.

Rules
1. The plan decides, the exchange acts. Timers come up to one tick late, as in the gateway.
2. Whenever a call has ended and its target was not called again at once, the line of that target is told:
   two may go after a success, one else.
3. A client whose time is over leaves, whatever its request is doing. Then, or when the plan has
   completed or failed and the client does not ask again, the request is over: once.
4. A stream's progress is told when a timer asks after it, and then exactly: nothing else needs it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from halfopen import errors
from halfopen.model import Demand, Fault, Kind, RateLimit, Target, Usage
from halfopen.policy import State
from halfopen.policy import events as ev
from halfopen.policy.actions import Action, Cancel, Complete, ContinueOn, Fail, Relay, Send, Wait
from halfopen.policy.queue import Line, Shedding
from halfopen.simulator.call import Call
from halfopen.simulator.scenario import ClientSpec
from halfopen.simulator.strategy import Plan, Request
from halfopen.simulator.trace import Mark
from halfopen.simulator.world import World

_ARRIVED: Final = ev.Arrived()
_TIMER: Final = ev.Timer()
_ROOM: Final = ev.PermitFreed()
_GONE: Final = ev.ClientGone()
_WAKE_AFTER_SUCCESS: Final = 2
_CHARS_PER_TOKEN: Final = 4
_NOTHING, _CAME, _CONTENT, _FINISHED, _FAILED = (
    Mark.NOTHING,
    Mark.ARRIVED,
    Mark.CONTENT,
    Mark.FINISHED,
    Mark.FAILED,
)
_SEND, _GO_ON, _RELAY, _COMPLETE = Mark.SEND, Mark.GO_ON, Mark.RELAY, Mark.COMPLETE
_SENDS: Final = (Send, ContinueOn)
_HEADS: Final = tuple(ev.FirstByte(attempt, 200) for attempt in range(256))
"""Events that are the same for all requests are made once. No plan makes so many attempts."""
_CONTENTS: Final = tuple(ev.Content(attempt) for attempt in range(256))
_ATTEMPTING: Final = State.ATTEMPTING
_WAITING: Final = State.WAITING
_KINDS: Mapping[Kind, int] = {kind: number for number, kind in enumerate(Kind, 1)}


class Asker(Protocol):
    """The group of clients that a request is from."""

    index: int
    spec: ClientSpec
    targets: tuple[Target, ...]

    def again_s(self, fault: Fault, tries: int) -> float | None:
        """How long a client waits until it sends a failed request again; None: it does not."""
        ...


class Looped(Protocol):
    """A client of a closed loop."""

    def on_over(self) -> None:
        """Its request is over."""


class Exchange:
    """One request from its arrival to its end, the client's own retries included."""

    __slots__ = (
        "_asker",
        "_calls",
        "_counts",
        "_delivered",
        "_input_tokens",
        "_last",
        "_leave_at",
        "_line",
        "_looped",
        "_output_tokens",
        "_plan",
        "_request",
        "_tries",
        "_world",
        "arrived_at",
        "content_at",
        "is_over",
        "number",
        "slot",
    )

    def __init__(
        self, world: World, asker: Asker, input_tokens: int, output_tokens: int, looped: Looped | None
    ) -> None:
        """Arrives now, with `start`. `looped`: who is to be told that it is over, in a closed loop."""
        self._looped = looped
        self._world = world
        self._asker = asker
        self._input_tokens = input_tokens
        self._output_tokens = output_tokens
        self.number = world.number()
        self.arrived_at = now = world.timeline.now
        self._leave_at = now + asker.spec.deadline_s
        self._counts = world.tally.came(asker.index)
        self._plan: Plan | None = None
        """None: between two tries of the client, or over."""
        self._request: Request | None = None
        self._calls: dict[int, Call] = {}
        """Those under way, by the number of the attempt."""
        self._line: Line | None = None
        """The one it stands in."""
        self._last: Target | None = None
        self._tries = 0
        self._delivered = 0
        """Tokens that the client has got from attempts that have failed since."""
        self.content_at: float | None = None
        self.is_over = False
        self.slot = 0

    def start(self, _nothing: None = None) -> None:
        """The client sends it, for the first time or again."""
        if self.is_over:
            return
        world, spec = self._world, self._asker.spec
        now = world.timeline.now
        patience_s = self._leave_at - now
        demand = Demand(
            self._input_tokens, spec.output_tokens, spec.priority, spec.name, self._tries, patience_s
        )
        self._request = request = Request(self.number, self._asker.targets, demand, spec.stream, patience_s)
        self._last = None
        self._plan = plan = world.strategy.plan(request, now)
        self._perform(plan.step(_ARRIVED, now), now, _CAME, self._tries, 0)

    # Time and room.

    def on_due(self) -> None:
        """The client's time or the plan's may have come."""
        world, plan = self._world, self._plan
        now = world.timeline.now
        if now >= self._leave_at:
            self._leave(now)
        elif plan is None:
            world.wheel.set(self, self._leave_at)
        elif plan.wake_at <= now:
            if plan.state is not _ATTEMPTING:
                self._tell_progress(plan, now)
            self._step(_TIMER, Mark.TIMER)
        else:
            world.wheel.set(self, min(plan.wake_at, self._leave_at))

    def on_room(self) -> bool:
        """A target may take the request now. Whether it did."""
        plan = self._plan
        if plan is None or plan.state is not _WAITING:
            return False
        self._step(_ROOM, Mark.ROOM)
        return self._is_attempting()

    def _is_attempting(self) -> bool:
        return self._plan is not None and self._plan.state is _ATTEMPTING

    def on_shed(self, shedding: Shedding) -> None:
        """The place in the line is gone."""
        fault = errors.make(Kind.NO_CAPACITY, shedding.reason.value, delay_s=shedding.retry_after_s)
        self._step(ev.Shed(fault), Mark.SHED)

    # The upstream's side.

    def on_content(self, call: Call, limits: tuple[RateLimit, ...]) -> None:
        """The first token of a stream came."""
        plan, world, attempt = self._plan, self._world, call.attempt
        if plan is None or plan.state is not _ATTEMPTING:
            return
        now = world.timeline.now
        plan.step(ev.FirstByte(attempt, 200, limits) if limits else _HEADS[attempt], now)
        self._perform(plan.step(_CONTENTS[attempt], now), now, _CONTENT, attempt, call.upstream.index)

    def on_end(self, call: Call, limits: tuple[RateLimit, ...]) -> None:
        """A call is over."""
        plan, world, attempt = self._plan, self._world, call.attempt
        if plan is None:
            return
        now, upstream, fault = world.timeline.now, call.upstream, call.fault
        if plan.state is _ATTEMPTING and call.status is not None:
            head = _HEADS[attempt] if call.status == 200 and not limits else None
            plan.step(head or ev.FirstByte(attempt, call.status, limits), now)
        del self._calls[attempt]
        if fault is None:
            mark = _FINISHED
            actions = plan.step(ev.Finished(attempt, Usage(call.input_tokens, call.output_tokens)), now)
        else:
            mark = _FAILED
            if call.content_at is not None and call.stream:
                self._delivered += call.output_tokens
            actions = plan.step(ev.Failed(attempt, fault), now)
        self._perform(actions, now, mark, attempt, upstream.index)
        self._pass_on(call, _WAKE_AFTER_SUCCESS if fault is None else 1)

    # What the plan says.

    def _step(self, event: ev.Event, mark: Mark) -> None:
        plan, now = self._plan, self._world.timeline.now
        if plan is not None:
            self._perform(plan.step(event, now), now, mark, 0, 0)

    def _perform(
        self, actions: Sequence[Action], now: float, mark: Mark, attempt: int, upstream: int
    ) -> None:
        """Carry out what was decided on an event."""
        world, number = self._world, self.number
        note = world.trace.note
        freed: list[Call] | None = None
        if not actions:
            note(now, mark, _NOTHING, number, attempt, upstream)
        for action in actions:
            kind = type(action)
            if kind is Relay:
                note(now, mark, _RELAY, number, attempt, upstream)
                if self.content_at is None:
                    self.content_at = now
            elif kind is Complete:
                note(now, mark, _COMPLETE, number, attempt, upstream)
                self._complete(now)
            elif isinstance(action, _SENDS):
                self._send(action, now, mark)
            elif isinstance(action, Cancel):
                note(now, mark, Mark.CANCEL, number, action.attempt, upstream)
                freed = self._cancel(action.attempt, now, freed)
            else:
                self._stop(action, now, mark, attempt, upstream)
        plan = self._plan
        if plan is not None:
            wake_at = plan.wake_at
            world.wheel.set(self, min(self._leave_at, wake_at))
        if freed is not None:
            for call in freed:
                self._pass_on(call, 1)

    def _stop(self, action: Action, now: float, mark: Mark, attempt: int, upstream: int) -> None:
        """Fail or wait."""
        note = self._world.trace.note
        if isinstance(action, Fail):
            note(now, mark, Mark.FAIL, self.number, attempt, upstream, _KINDS[action.fault.kind])
            self._fail(action, now)
        elif isinstance(action, Wait):
            note(now, mark, Mark.WAIT, self.number, action.for_room, upstream, action.until)
            self._wait(action, now)

    def _send(self, send: Send | ContinueOn, now: float, event: Mark) -> None:
        world, request, target = self._world, self._request, send.target
        assert request is not None
        goes_on = type(send) is ContinueOn
        if self._line is not None:
            self._leave_line(self._line)
        upstream = world.upstreams[target.provider]
        gone = self._delivered if goes_on else 0
        call = Call(
            self,
            upstream,
            self.number,
            send.attempt,
            self._input_tokens + gone,
            self._output_tokens - gone if gone < self._output_tokens else 1,
            request.stream,
            self._counts,
        )
        self._calls[send.attempt] = call
        tally, last = world.tally, self._last
        tally.called(upstream.index, now)
        if self._counts:
            tally.calls += 1
            if last is not None and last is not target:
                tally.failovers += 1
        self._last = target
        mark = _GO_ON if goes_on else _SEND
        world.trace.note(now, event, mark, self.number, send.attempt, upstream.index, send.deadline)
        upstream.take(call)

    def _wait(self, wait: Wait, now: float) -> None:
        request = self._request
        if not wait.for_room or request is None:
            return
        line = self._world.strategy.line(request) if self._line is None else self._line
        if line is None:
            return
        if self._line is None:
            self._world.standing += 1
            self._line = line
        shedding = line.join(self, request.demand, self._leave_at, now)
        if shedding is not None:
            self.on_shed(shedding)

    def _cancel(self, attempt: int, now: float, freed: list[Call] | None = None) -> list[Call] | None:
        """End a call that nobody needs. Returns those that were ended so, this one with them."""
        call = self._calls.pop(attempt, None)
        if call is not None:
            if call.content_at is not None and call.stream:
                self._delivered += call.upstream.streamed(call, now)[0]
            call.upstream.drop(call, told=self._world.cancels)
            freed = [*(freed or ()), call]
        return freed

    def _pass_on(self, call: Call, count: int) -> None:
        """Tell the line of a target whose call has ended, unless its room was taken up again."""
        if not self._world.standing:
            return
        for other in self._calls.values():
            if other.upstream is call.upstream and other.attempt > call.attempt:
                return
        self._world.wake(call.upstream.target_name, count)

    def _tell_progress(self, plan: Plan, now: float) -> None:
        for call in self._calls.values():
            tokens, last_s = call.upstream.streamed(call, now)
            if tokens > call.told:
                plan.progress((tokens - call.told) * _CHARS_PER_TOKEN, last_s)
                call.told = tokens

    # The end.

    def _complete(self, now: float) -> None:
        self._put_away(now)
        if now > self._leave_at:
            self._over(None)
            return
        answered_at = now if self.content_at is None else self.content_at
        self._over(answered_at - self.arrived_at)

    def _fail(self, fail: Fail, now: float) -> None:
        self._put_away(now)
        again_s = None if fail.committed else self._asker.again_s(fail.fault, self._tries)
        if again_s is None or now + again_s >= self._leave_at:
            self._over(None)
            return
        self._tries += 1
        world = self._world
        world.trace.note(now, Mark.AGAIN, _NOTHING, self.number, self._tries, 0, again_s)
        world.wheel.set(self, self._leave_at)
        world.timeline.at(now + again_s, self.start, None)

    def _leave(self, now: float) -> None:
        """The client's time is over."""
        self._world.trace.note(now, Mark.GONE, _NOTHING, self.number)
        plan = self._plan
        freed: list[Call] | None = None
        if plan is not None:
            for action in plan.step(_GONE, now):
                if isinstance(action, Cancel):
                    freed = self._cancel(action.attempt, now, freed)
            self._put_away(now)
        self._over(None)
        for call in freed or ():
            self._pass_on(call, 1)

    def _put_away(self, now: float) -> None:
        """Nothing of this try is left."""
        if self._line is not None:
            self._leave_line(self._line)
        self._plan = self._request = None
        if self._calls:
            for attempt in list(self._calls):
                self._cancel(attempt, now)

    def _leave_line(self, line: Line) -> None:
        line.leave(self)
        self._line = None
        self._world.standing -= 1

    def _over(self, latency_s: float | None) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._world.wheel.remove(self)
        if self._counts:
            self._world.tally.ended(self._asker.index, self.arrived_at, latency_s)
        if self._looped is not None:
            self._looped.on_over()
