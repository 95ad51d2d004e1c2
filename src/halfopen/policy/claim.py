"""One machine's part of limits that several machines use together, with or without word from the others.

Rules
1. Who is in contact takes its part by demand. It lowers its part at once, and raises it only to what was
   granted: the place where all machines meet grants no more than is free. What a machine lowers is granted
   no longer, and a part that its workers do not use yet is not its own: others may be told that it is free.
2. Who has heard nothing for 1.5 s lowers its parts to the fair one, the same for each machine that was
   there; 3 s after the last contact it raises them to that as well, as the others have lowered theirs.
3. After a loss nothing is raised in the first 3 s of contact: others may not have come back yet.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from halfopen.policy.sharing import divided

LOST_S = 1.5
"""Without word for so long, contact is lost."""
HOLD_S = 3.0
"""Others are known to have lowered their parts, or to be back, after so long."""
_ME = ""


class Claim:
    """This machine's part of each limit."""

    __slots__ = (
        "_asked",
        "_began",
        "_contact_since",
        "_granted",
        "_heard_at",
        "_machines",
        "_others",
        "parts",
    )

    def __init__(self, limits: Iterable[str], machines: int, now: float) -> None:
        """Starts with the fair part of each.

        Args:
            limits: Their names.
            machines: How many there are, as far as it is known beforehand.
            now: Monotonic seconds.
        """
        self._machines = machines
        self._began = now
        self._heard_at = -math.inf
        self._contact_since: float | None = None
        self._others: Sequence[Mapping[str, float]] = ()
        self._asked: dict[str, float] = {}
        self._granted: dict[str, float] = {}
        self.parts = dict.fromkeys(limits, self.fair)
        """What this machine may use now of each limit. Above 0, up to 1."""

    @property
    def fair(self) -> float:
        """The same part for every machine that was there last."""
        return 1 / self._machines

    @property
    def machines(self) -> int:
        """How many there are, this one included, as far as it is known."""
        return self._machines

    def is_in_contact(self, now: float) -> bool:
        """Whether word of the others is fresh."""
        return now - self._heard_at <= LOST_S

    def name(self, limits: Iterable[str]) -> None:
        """Another configuration has other limits. New ones begin with the fair part."""
        self.parts = {limit: self.parts.get(limit, self.fair) for limit in limits}

    def heard(self, granted: Mapping[str, float], others: Sequence[Mapping[str, float]], now: float) -> None:
        """Word from the place where all meet.

        Args:
            granted: The part of each limit that is counted as this machine's there. What is beyond that which
                was asked last is counted only because it may be in use.
            others: The demands of every other machine, by limit.
            now: Monotonic seconds.
        """
        if not self.is_in_contact(now) or self._contact_since is None:
            self._contact_since = now
        self._heard_at = now
        self._granted = {limit: min(part, self._asked.get(limit, 0.0)) for limit, part in granted.items()}
        self._others = others
        machines = 1 + len(others)
        if machines > self._machines or now - self._contact_since >= HOLD_S:
            self._machines = machines

    def ask(self, demands: Mapping[str, float], held: Mapping[str, float], now: float) -> dict[str, float]:
        """Set the parts by what is known now; return what to ask for where all meet.

        Args:
            demands: This machine's own, by limit.
            held: The most that its workers may be using, by limit. One that nobody uses yet is not there.
            now: Monotonic seconds.
        """
        self._asked = self._set(demands, held, now)
        return dict(self._asked)

    def _set(self, demands: Mapping[str, float], held: Mapping[str, float], now: float) -> dict[str, float]:
        if not self.is_in_contact(now):
            may_raise = now - max(self._heard_at, self._began) >= HOLD_S
            for limit, part in self.parts.items():
                self.parts[limit] = self.fair if may_raise else min(part, self.fair)
            return dict(self.parts)
        assert self._contact_since is not None
        is_settled = now - self._contact_since >= HOLD_S
        asked = {}
        for limit, part in self.parts.items():
            wanted = self._wanted(limit, demands.get(limit, 0.0))
            # Without word about a limit there is nothing to go by but the part that it began with.
            granted = self._granted.get(limit, part)
            own = min(part, held.get(limit) or part)
            self.parts[limit] = min(wanted, max(own, granted))
            asked[limit] = wanted if is_settled else self.parts[limit]
            if limit in self._granted:
                self._granted[limit] = min(granted, asked[limit])
        return asked

    def _wanted(self, limit: str, demand: float) -> float:
        others = {str(number): each.get(limit, 0.0) for number, each in enumerate(self._others)}
        return divided({**others, _ME: demand})[_ME]
