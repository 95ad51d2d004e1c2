"""A group of clients: when they ask, for how much, and whether they ask again."""

from collections.abc import Callable
from math import log
from typing import Final

from halfopen.model import Fault, Target
from halfopen.seams import Entropy
from halfopen.simulator.arrivals import Arrivals
from halfopen.simulator.exchange import Exchange
from halfopen.simulator.scenario import ClientSpec
from halfopen.simulator.world import World

_THINK_MIN_S: Final = 0.001
"""Nobody sends the next request at the very instant of an answer: time would stand still."""
_RETRY_FIRST_S: Final = 0.5
_RETRY_MAX_S: Final = 8.0
_RETRY_JITTER: Final = 0.25
_HEEDED_MAX_S: Final = 60.0
"""A longer wait than this that a server asks for is not heeded."""
_RETRIED: Final = (408, 409, 429)


class Clients:
    """One group. Each has its own streams of draws, so that all policies face the same requests."""

    __slots__ = ("_entropy", "_on_arrival", "_sizes", "_streams", "_world", "index", "spec", "targets")

    def __init__(
        self,
        spec: ClientSpec,
        index: int,
        targets: tuple[Target, ...],
        world: World,
        streams: Callable[[str], Entropy],
    ) -> None:
        """`targets` are those of `spec`, in its order."""
        self.spec = spec
        self.index = index
        self.targets = targets
        self._world = world
        self._streams = streams
        self._sizes = streams(f"sizes/{spec.name}")
        self._entropy = streams(f"client/{spec.name}")
        self._on_arrival = self._arrive

    def start(self, duration_s: float) -> None:
        """Put the first requests on the timeline. Load goes on beyond the end, for those still open then."""
        timeline = self._world.timeline
        for number, phase in enumerate(self.spec.phases):
            entropy = self._streams(f"arrivals/{self.spec.name}/{number}")
            arrivals = Arrivals(phase, entropy, goes_on=phase.until_s >= duration_s)
            first = arrivals.draw_s()
            if first is not None:
                timeline.at(first, self._arrive, arrivals)
        for _ in range(self.spec.clients):
            self._think()

    def again_s(self, fault: Fault, tries: int) -> float | None:
        """How long a client waits until it sends a failed request again; None: it does not.

        As the official OpenAI SDK does: 408, 409, 429 and 5xx, after min(0.5 · 2^n, 8) less up to a
        quarter, or after what the server asks for.
        """
        if tries >= self.spec.sdk_retries:
            return None
        status = fault.effective_status or fault.status or 502
        if status < 500 and status not in _RETRIED:
            return None
        jitter = 1.0 - _RETRY_JITTER * self._entropy()
        if fault.delay_s is not None and 0.0 < fault.delay_s <= _HEEDED_MAX_S:
            return fault.delay_s
        return min(_RETRY_FIRST_S * 2.0**tries, _RETRY_MAX_S) * jitter

    def on_over(self) -> None:
        """A request of the closed loop is over: its client thinks, and asks again."""
        self._think()

    def _think(self) -> None:
        timeline = self._world.timeline
        think_s = -log(1.0 - self._entropy()) * self.spec.think_s
        timeline.at(timeline.now + max(_THINK_MIN_S, think_s), self._ask, self)

    def _arrive(self, arrivals: Arrivals) -> None:
        following = arrivals.draw_s()
        if following is not None:
            self._world.timeline.at(following, self._on_arrival, arrivals)
        self._ask(None)

    def _ask(self, looped: "Clients | None") -> None:
        spec, sizes = self.spec, self._sizes
        input_tokens = int(-log(1.0 - sizes()) * spec.input_tokens + 0.5)
        output_tokens = int(-log(1.0 - sizes()) * spec.output_tokens + 0.5)
        Exchange(self._world, self, input_tokens, max(1, output_tokens), looped).start()
