"""One call to one upstream on behalf of an exchange, with all that must be given up when it ends."""

from halfopen import errors
from halfopen.gateway.ending import FinishWatch, let_end, let_finish
from halfopen.gateway.pool import UpstreamCall
from halfopen.gateway.reception import Listener, Reception
from halfopen.gateway.runtime import Runtime
from halfopen.model import Kind, Target, Usage
from halfopen.providers import Ask, Chat, Translation
from halfopen.providers.clients.relay import Relayed, Repeat


class Attempt:
    """Made when it is decided, sent by `dispatch`, over with `cancel` or `let_end`."""

    __slots__ = (
        "_ask",
        "_call",
        "_finish_watch",
        "_listener",
        "_reception",
        "_runtime",
        "_translation",
        "number",
        "target",
        "upstream_id",
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
        self._listener = listener
        self._ask = ask
        self._translation = translation
        self.number = number
        self.target = target
        self.upstream_id: str | None = None
        """The id that the upstream gave the request."""
        self.usage: Usage | None = None
        """What it told of its tokens so far."""
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
        if isinstance(ask, Chat) and ask.continues:
            # It was fit for the request itself; going on may ask for more.
            reason = self._translation.unfit(ask, self.target)
            if reason is not None:
                message = f"{self.target.name} can't go on with the answer: {reason}."
                self._listener.on_attempt_fault(errors.make(Kind.NO_FIT_TARGET, message))
                return
        request = provider.request(self._translation.call(ask, self.target, provider.key))
        # A reused connection that proves stale has the call sent anew: not when it might act twice.
        acts = isinstance(ask, Relayed) and ask.rule.repeat is Repeat.STORES
        self._call = provider.pool.call(request, self._reception, fresh_only=acts)

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
        if self._finish_watch is None:
            wheel, now = self._runtime.wheel, self._runtime.loop.time()
            self._finish_watch = let_finish(self._reception, wheel, now, stall_s)

    def pause(self) -> None:
        """Read no more for now."""
        if self._call is not None:
            self._call.pause()

    def resume(self) -> bool:
        """Read on. Whether there is anything to read."""
        if self._call is not None:
            self._call.resume()
        return self._call is not None

    def _forget_finish(self) -> None:
        watch, self._finish_watch = self._finish_watch, None
        if watch is not None:
            self._runtime.wheel.remove(watch)
