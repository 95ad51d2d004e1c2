"""One call to one upstream on behalf of an exchange, with all that must be given up when it ends."""

from typing import Protocol

from halfopen.gateway.delivery import HELD_MAX_BYTES, size_of
from halfopen.gateway.ending import FinishWatch, let_end, let_finish
from halfopen.gateway.pool import Pool, UpstreamCall
from halfopen.gateway.reception import Reception
from halfopen.gateway.runtime import Runtime
from halfopen.gateway.text_way import TextWay
from halfopen.gateway.upstream import UpstreamConnection
from halfopen.http1 import ResponseHead
from halfopen.model import Fault, RateLimit, Usage
from halfopen.policy import actions as act
from halfopen.providers import Answer, Ask, StreamEvent, Translation
from halfopen.providers.clients.relay import Relayed, Repeat
from halfopen.providers.event_reader import EventReader
from halfopen.providers.rate_limits import rate_limits


class AttemptOwner(Protocol):
    """Takes what an attempt finds. After an answer or a fault nothing comes."""

    def on_attempt_connected(self, attempt: "Attempt") -> None:
        """The request is being sent."""

    def on_attempt_head(self, attempt: "Attempt", head: ResponseHead) -> None:
        """Status and headers came."""

    def on_attempt_events(self, attempt: "Attempt", events: list[StreamEvent]) -> None:
        """Pieces of a stream came. DONE and FAULT are among them."""

    def on_attempt_answer(self, attempt: "Attempt", answer: Answer) -> None:
        """A whole, valid answer came."""

    def on_attempt_fault(self, attempt: "Attempt", fault: Fault) -> None:
        """The attempt failed, and its call is over or must be cancelled."""


class Attempt:
    """Made when it is decided, sent by `dispatch`, over with `cancel` or `let_end`.

    It is the listener of its own reception, so that whoever owns several knows which one speaks.
    """

    __slots__ = (
        "_ask",
        "_call",
        "_early",
        "_early_bytes",
        "_finish_watch",
        "_key",
        "_owner",
        "_paused",
        "_repeats",
        "_runtime",
        "_stall_s",
        "_text_way",
        "_trace",
        "_translation",
        "chars",
        "counted",
        "number",
        "reception",
        "target",
        "upstream_id",
        "usage",
    )

    def __init__(
        self,
        runtime: Runtime,
        owner: AttemptOwner,
        ask: Ask,
        translation: Translation,
        send: act.Send | act.ContinueOn,
        trace: bytes = b"",
    ) -> None:
        """Sends nothing yet. `send` is what the journey has decided, `trace` header lines of the call."""
        provider = runtime.providers[send.target.provider]
        self._runtime = runtime
        self._owner = owner
        self._ask = ask
        self._translation = translation
        self._key = provider.keys[send.credential]
        self._trace = trace
        self._repeats = send.repeats if isinstance(send, act.Send) else 0
        self.number = send.attempt
        self.target = send.target
        self.usage: Usage | None = None
        """What it told of its tokens so far."""
        self.chars = 0
        """Characters of an answer that came the long way."""
        self.counted = False
        """Whether what it spent is known to whoever counts."""
        self.upstream_id: str | None = None
        """The id that the upstream gave to its answer."""
        self._early: list[StreamEvent] = []
        self._early_bytes = 0
        self._paused = False
        self._stall_s = 0.0
        self._call: UpstreamCall | None = None
        self._finish_watch: FinishWatch | None = None
        self._text_way: TextWay | None = None
        self.reception = Reception(
            self,
            ask,
            send.target,
            translation,
            dialect=provider.dialect.name,
            answer_max_bytes=runtime.snapshot.gateway.answer_max_bytes,
            wall_s=runtime.surroundings.clock.wall(),
        )

    def take_over(self, head: ResponseHead, body: bytes) -> None:
        """What came before this attempt was asked to read on."""
        self.reception.take_over(head, body)

    def carry_on(self, pool: Pool, connection: UpstreamConnection, request: tuple[bytes, bytes]) -> None:
        """The response that is on its way on a connection is this attempt's."""
        self._call = pool.adopt(connection, request, self.reception)

    def send_anew(self, pool: Pool, request: tuple[bytes, bytes]) -> None:
        """The connection was stale: send what was sent on a new one."""
        self._call = pool.call(request, self.reception, fresh_only=True)

    def dispatch(self) -> None:
        """Send the request, unless the attempt was cancelled."""
        if self.reception.over:
            return
        ask, provider = self._ask, self._runtime.providers[self.target.provider]
        call = self._translation.call(ask, self.target, self._key)
        request = provider.request(call, self._repeats, self._trace)
        # A reused connection that proves stale has the call sent anew: not when it might act twice.
        acts = isinstance(ask, Relayed) and ask.rule.repeat is Repeat.STORES
        self._call = on_its_way = provider.pool.call(request, self.reception, fresh_only=acts)
        if self._given_up():  # a reused connection tells of itself before the call is known here
            on_its_way.cancel()

    def limits(self, head: ResponseHead) -> tuple[RateLimit, ...]:
        """What a response's headers tell of the provider's rate limits."""
        dialect = self._runtime.providers[self.target.provider].dialect.name
        runtime = self._runtime
        return rate_limits(head.headers, dialect, runtime.surroundings.clock.wall())

    @property
    def all_chars(self) -> int:
        """Characters of an answer that came."""
        return self.chars if self._text_way is None else self.chars + self._text_way.chars

    @property
    def reader(self) -> EventReader | None:
        """Who reads its stream, if text can be told to it past the reception. None: nobody can."""
        return self.reception.event_reader if self._call is not None else None

    def shorten(self, way: TextWay) -> None:
        """Text in the middle of its stream goes this way from now on."""
        if self._call is not None:
            self._text_way = way
            self._call.shorten(way)

    def hold(self, event: StreamEvent) -> None:
        """Keep a piece of a stream that is not in the lead. Raises BufferError when it is too much."""
        size_bytes = size_of(event)
        if not size_bytes:
            return
        self._early.append(event)
        self._early_bytes += size_bytes
        if self._early_bytes > HELD_MAX_BYTES:
            raise BufferError(f"more than {HELD_MAX_BYTES} bytes before the first content")

    def take_early(self) -> list[StreamEvent]:
        """What was kept, once."""
        early, self._early = self._early, []
        return early

    def cancel(self) -> None:
        """Give it up, wherever it is."""
        self.reception.over = True
        self._forget_finish()
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def let_end(self) -> None:
        """All that matters has come: let the response end by itself, for the connection's sake."""
        self._forget_finish()
        call, self._call = self._call, None
        if call is not None:
            let_end(call, self._runtime.wheel, self._runtime.loop.time())

    def finish_seen(self, stall_s: float) -> None:
        """The finish evidence has come: what follows has little time."""
        self._stall_s = stall_s
        if self._finish_watch is None:
            wheel, now = self._runtime.wheel, self._runtime.loop.time()
            self._finish_watch = let_finish(self, wheel, now, stall_s)

    def take_as_ended(self) -> None:
        """The little time is over, unless we were the ones who didn't read."""
        self._finish_watch = None
        if self._paused:
            self.finish_seen(self._stall_s)
        else:
            self.reception.take_as_ended()

    def pause(self) -> None:
        """Read no more for now."""
        self._paused = True
        if self._call is not None:
            self._call.pause()

    def resume(self) -> bool:
        """Read on. Whether there is anything to read."""
        self._paused = False
        if self._call is not None:
            self._call.resume()
        return self._call is not None

    # The reception calls these.

    def on_attempt_connected(self) -> None:
        """The request is being sent."""
        self._owner.on_attempt_connected(self)

    def on_attempt_head(self, head: ResponseHead) -> None:
        """Status and headers came."""
        self._owner.on_attempt_head(self, head)

    def on_attempt_events(self, events: list[StreamEvent]) -> None:
        """Pieces of a stream came."""
        self._owner.on_attempt_events(self, events)

    def on_attempt_answer(self, answer: Answer) -> None:
        """A whole, valid answer came."""
        self._owner.on_attempt_answer(self, answer)

    def on_attempt_fault(self, fault: Fault) -> None:
        """The attempt failed."""
        self._owner.on_attempt_fault(self, fault)

    def _given_up(self) -> bool:
        return self.reception.over

    def _forget_finish(self) -> None:
        watch, self._finish_watch = self._finish_watch, None
        if watch is not None:
            self._runtime.wheel.remove(watch)
