"""Divides one limit among those who use it together: workers of a machine, or machines.

Rules
1. A tenth of the whole is divided evenly, so that one who begins has something to begin with; the rest
   goes by demand. Without any demand all have the same.
2. What all may use together is never more than the whole: one part is raised only by what others have
   given up. A part that is lowered counts in full until its holder says that it uses the lowered one, or
   for 2 s: a holder that is frozen for longer does not use it either.
3. A holder that is gone counts for 3 s more: it may only have lost its connection.
4. One who comes holds what it says; if that is more than is left, the others' parts and its own are
   lowered, and none is raised before that is done.

Demands are smoothed: each report counts half, all before it together the other half.
"""

import math
from collections.abc import Mapping

EVEN_PART = 0.1
"""Of the whole, divided evenly."""
APPLIED_S = 2.0
"""A lowered part is applied by then."""
GONE_S = 3.0
"""The part of a holder that is gone is free after so long."""
_SMALLEST = 1e-9


def divided(demands: Mapping[str, float]) -> dict[str, float]:
    """Each holder's part of one whole, by what each asks. Above 0; together 1.

    Args:
        demands: In any unit, the same for all. What is no number above 0 counts as no demand.
    """
    asked = {name: demand if 0 < demand < math.inf else 0.0 for name, demand in demands.items()}
    largest = max(asked.values(), default=0.0)
    if largest == 0.0:
        return dict.fromkeys(asked, 1 / len(asked)) if asked else {}
    # Of the largest: sums of huge numbers would not be finite.
    total = sum(demand / largest for demand in asked.values())
    even = EVEN_PART / len(asked)
    return {name: even + (1 - EVEN_PART) * (demand / largest / total) for name, demand in asked.items()}


class _Holder:
    """One who uses a part."""

    __slots__ = ("counted", "demand", "gone_at", "granted", "lowered_at")

    def __init__(self, held: float, demand: float) -> None:
        self.granted = held
        self.counted = held
        """The most that it may be using now."""
        self.demand = demand
        self.lowered_at = -math.inf
        self.gone_at = math.inf


class Division:
    """The parts of one limit. Holders have names of the caller's choosing."""

    __slots__ = ("_holders", "whole")

    def __init__(self, whole: float = 1.0) -> None:
        """Nobody has a part yet."""
        self.whole = whole
        """What there is to divide. May be changed at any time; takes effect with the next `grant`."""
        self._holders: dict[str, _Holder] = {}

    def told(self, name: str, demand: float, held: float, now: float) -> None:
        """A holder says what it asks, and which part it uses now.

        Args:
            name: Whose report it is. An unknown one is a new holder.
            demand: Above 0, or 0.
            held: The part that it uses. Above 0.
            now: Monotonic seconds.
        """
        holder = self._holders.get(name)
        if holder is None:
            self._holders[name] = _Holder(held, demand)
            return
        holder.demand = (holder.demand + demand) / 2
        holder.gone_at = math.inf
        if held > holder.granted + _SMALLEST:
            holder.counted = max(holder.counted, held)
            # A report from before the lowering says nothing new; anything later is told again.
            if holder.lowered_at + APPLIED_S <= now:
                holder.lowered_at = now
        elif held >= holder.granted - _SMALLEST:
            holder.counted = holder.granted
        # Less than was granted: a report from before a raise, which may be applied yet before it is lowered.

    def left(self, name: str, now: float) -> None:
        """A holder is gone, or can't be reached."""
        holder = self._holders.get(name)
        if holder is not None:
            holder.gone_at = min(holder.gone_at, now)

    def grant(self, now: float, *, may_raise: bool = True) -> dict[str, float]:
        """The part that each holder may use from now on. Tell them.

        Args:
            now: Monotonic seconds.
            may_raise: Whether all holders are known by now.
        """
        self._settle(now)
        present = {name: each for name, each in self._holders.items() if each.gone_at == math.inf}
        parts = divided({name: each.demand for name, each in present.items()})
        raises: dict[str, float] = {}
        for name, holder in present.items():
            wanted = self.whole * parts[name]
            if wanted < holder.granted:
                holder.granted = wanted
                holder.lowered_at = now
            elif wanted > holder.granted:
                raises[name] = wanted - holder.granted
        free = self.whole - self.reserved
        if may_raise and raises and free > _SMALLEST:
            share = min(1.0, free / sum(raises.values()))
            for name, by in raises.items():
                holder = present[name]
                holder.granted += by * share
                holder.counted = max(holder.counted, holder.granted)
        return {name: each.granted for name, each in present.items()}

    @property
    def reserved(self) -> float:
        """The most that all holders together may be using now."""
        return sum(each.counted for each in self._holders.values())

    @property
    def demand(self) -> float:
        """Of all holders that are there."""
        return sum(each.demand for each in self._holders.values() if each.gone_at == math.inf)

    def _settle(self, now: float) -> None:
        """What time alone decides: who is gone for good, and which lowering is applied by now."""
        for name, holder in list(self._holders.items()):
            if now >= holder.gone_at + GONE_S:
                del self._holders[name]
            elif now >= holder.lowered_at + APPLIED_S:
                holder.counted = holder.granted
