"""What callers may still spend: a worker's reckoning between two words of control.

Rules
1. Control counts what has been spent in the window, and says how much is left. What it says holds for all
   workers together, and says up to which outcome of this worker it has counted.
2. A worker takes off what it has begun itself and what of its own isn't counted yet. So one worker alone
   never lets in more requests than are left. Of several, each may at most use up what was left when
   control last spoke: N workers overshoot by N - 1 times that, until the next word.
3. Tokens and money are known when a request is over. So what is under way when they are used up ends.
4. Control that hasn't spoken for `HEARD_S` may be gone: each worker goes on with its even part of what
   was left, and of the whole budget when the next window begins.
5. A budget of which control has not spoken at all counts as unspent, for the worker's part.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import ceil
from typing import Final

import msgspec

from halfopen.model.gateway_key import Budget, Per

HEARD_S: Final = 3.0
_SPANS: Final = ((Per.MINUTE, 60), (Per.HOUR, 3600), (Per.DAY, 86_400))
UNLIMITED: Final = 2**60
"""What is left where there is no limit: more than anybody spends."""
UNCOUNTED_MAX: Final = 100_000
"""Entries of what control hasn't counted. Beyond it the oldest become one."""


class Measure(Enum):
    """What a budget limits."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    MONEY = "money"


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """What was spent, or is left."""

    requests: int = 0
    tokens: int = 0
    nusd: int = 0


class UsedUp(msgspec.Struct, frozen=True, gc=False):
    """Why a request is not let in."""

    measure: Measure
    budget: Budget
    left_s: float
    """Until the next window."""


def window_start(per: Per, wall_s: float) -> int:
    """When the window began in which a moment is. Seconds since the Unix epoch."""
    if per is Per.MONTH:
        month = datetime.fromtimestamp(wall_s, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return int(month.timestamp())
    span_s = dict(_SPANS)[per]
    return int(wall_s // span_s) * span_s


def window_end(per: Per, wall_s: float) -> int:
    """When the window after that begins."""
    start_s = window_start(per, wall_s)
    if per is Per.MONTH:
        later = datetime.fromtimestamp(start_s, UTC) + timedelta(days=32)
        return window_start(per, later.timestamp())
    return start_s + dict(_SPANS)[per]


class Allotment:
    """What one worker may let a caller do. For one event loop."""

    def __init__(self, budget: Budget, workers: int) -> None:
        """Control has said nothing.

        Args:
            budget: The caller's.
            workers: How many share it.
        """
        self.budget = budget
        self._workers = workers
        self._window_s = 0
        self._end_s = 0
        self._left = _whole(budget)
        self._heard_at = float("-inf")
        self._under_way = 0
        self._uncounted: deque[tuple[int, int, int, int]] = deque()
        """Outcomes that aren't in the last word: number, and what each adds to requests, tokens and money."""
        self._requests = 0
        self._tokens = 0
        self._nusd = 0

    def told(self, left: Amounts, window_s: int, counted: int, now: float, wall_s: float) -> None:
        """Control has spoken.

        Args:
            left: Of the whole budget. Below 0: more was spent.
            window_s: When the window began of which it speaks.
            counted: How many outcomes of this worker it has counted.
            now: Monotonic seconds.
            wall_s: Seconds since the Unix epoch.
        """
        if window_s < self._window_s and window_start(self.budget.per, wall_s) == window_s:
            self._begin(wall_s)  # the clock was ahead, and control knows what was spent in this window
        self._roll(max(wall_s, window_s))
        if window_s != self._window_s:
            return  # of a window that is over
        self._left, self._heard_at = left, now
        while self._uncounted and self._uncounted[0][0] < counted:
            self._take_off()

    def refusal(self, now: float, wall_s: float) -> UsedUp | None:
        """Why one more request may not come in; None: it may."""
        if not self._window_s <= wall_s < self._end_s:
            self._roll(wall_s)
        alone = now - self._heard_at > HEARD_S
        left = self._left
        own = self._under_way + self._requests
        # Most requests are far from any limit.
        if not alone and own < left.requests and self._tokens < left.tokens and self._nusd < left.nusd:
            return None
        budget = self.budget
        for measure, limit, remaining, spent in (
            (Measure.REQUESTS, budget.requests, left.requests, own),
            (Measure.TOKENS, budget.tokens, left.tokens, self._tokens),
            (Measure.MONEY, budget.nusd, left.nusd, self._nusd),
        ):
            if limit is None:
                continue
            # Rounded up: else a budget smaller than the number of workers would let nothing in.
            mine = ceil(max(remaining, 0) / self._workers) if alone else remaining
            if spent >= mine:
                return UsedUp(measure, budget, max(self._end_s - wall_s, 0.0))
        return None

    def begun(self) -> None:
        """A request has come in."""
        self._under_way += 1

    def ended(self, number: int, tokens: int, nusd: int, wall_s: float) -> None:
        """A request is over.

        Args:
            number: Of its outcome, among all of this worker.
            tokens: That it took.
            nusd: What it cost, in billionths of a US dollar.
            wall_s: Seconds since the Unix epoch.
        """
        if not self._window_s <= wall_s < self._end_s:
            self._roll(wall_s)
        self._under_way = max(self._under_way - 1, 0)
        self._requests += 1
        self._tokens += tokens
        self._nusd += nusd
        uncounted = self._uncounted
        uncounted.append((number, 1, tokens, nusd))
        if len(uncounted) > UNCOUNTED_MAX:
            (_, *one), (last, *other) = uncounted.popleft(), uncounted.popleft()
            uncounted.appendleft((last, one[0] + other[0], one[1] + other[1], one[2] + other[2]))

    def _take_off(self) -> None:
        _, requests, tokens, nusd = self._uncounted.popleft()
        self._requests -= requests
        self._tokens -= tokens
        self._nusd -= nusd

    def _roll(self, wall_s: float) -> None:
        """A new window begins with the whole budget."""
        if self._window_s <= wall_s < self._end_s:
            return
        if wall_s < self._window_s:
            return  # the clock was put back: the window goes on, unless control speaks of the one before
        self._begin(wall_s)

    def _begin(self, wall_s: float) -> None:
        per = self.budget.per
        self._window_s, self._end_s = window_start(per, wall_s), window_end(per, wall_s)
        self._left = _whole(self.budget)
        self._uncounted.clear()
        self._requests = self._tokens = self._nusd = 0


def _whole(budget: Budget) -> Amounts:
    return Amounts(
        UNLIMITED if budget.requests is None else budget.requests,
        UNLIMITED if budget.tokens is None else budget.tokens,
        UNLIMITED if budget.nusd is None else budget.nusd,
    )


def left_of(budget: Budget, spent: Amounts) -> Amounts:
    """What is left of a budget of which so much is spent. Below 0: it was overshot."""
    whole = _whole(budget)
    return Amounts(whole.requests - spent.requests, whole.tokens - spent.tokens, whole.nusd - spent.nusd)
