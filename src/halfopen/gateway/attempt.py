"""One call to one upstream on behalf of an exchange, with all that must be given up when it ends."""

from halfopen.gateway.ending import FinishWatch, let_end, let_finish
from halfopen.gateway.pool import UpstreamCall
from halfopen.gateway.reception import Listener, Reception
from halfopen.gateway.runtime import Runtime
from halfopen.model import Target, Usage
from halfopen.providers import Ask, Translation
from halfopen.providers.clients.relay import Relayed, Repeat


class Attempt:
    """Made when it is decided, sent by `dispatch`, over with `cancel` or `let_end`."""

    __slots__ = (
        "_ask",
        "_call",
        "_finish_watch",
        "_paused",
        "_reception",
        "_runtime",
        "_stall_s",
        "_translation",
        "chars",
        "counted",
        "number",
        "target",
        "usage",
    )

    def __init__(
        self,
        runtime: Runtime,
        listener: Listener,
        ask: Ask,
        translation: Translation,
        target: Target,
        number: int,
    ) -> None:
        """Sends nothing yet."""
        self._runtime = runtime
        self._ask = ask
        self._translation = translation
        self.number = number
        self.target = target
        self.usage: Usage | None = None
        """What it told of its tokens so far."""
        self.chars = 0
        """Characters of an answer that came."""
        self.counted = False
        """Whether what it spent is known to whoever counts."""
        self._paused = False
        self._stall_s = 0.0
        self._call: UpstreamCall | None = None
        self._finish_watch: FinishWatch | None = None
        self._reception = Reception(
            listener,
            ask,
            target,
            translation,
            dialect=runtime.providers[target.provider].dialect.name,
            answer_max_bytes=runtime.snapshot.gateway.answer_max_bytes,
            wall_s=runtime.surroundings.clock.wall(),
        )

    def dispatch(self) -> None:
        """Send the request, unless the attempt was cancelled."""
        if self._reception.over:
            return
        ask, provider = self._ask, self._runtime.providers[self.target.provider]
        request = provider.request(self._translation.call(ask, self.target, provider.key))
        # A reused connection that proves stale has the call sent anew: not when it might act twice.
        acts = isinstance(ask, Relayed) and ask.rule.repeat is Repeat.STORES
        self._call = call = provider.pool.call(request, self._reception, fresh_only=acts)
        if self._given_up():  # a reused connection tells of itself before the call is known here
            call.cancel()

    def cancel(self) -> None:
        """Give it up, wherever it is."""
        self._reception.over = True
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
            self._reception.take_as_ended()

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

    def _given_up(self) -> bool:
        return self._reception.over

    def _forget_finish(self) -> None:
        watch, self._finish_watch = self._finish_watch, None
        if watch is not None:
            self._runtime.wheel.remove(watch)
