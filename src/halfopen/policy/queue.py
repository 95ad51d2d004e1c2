"""Requests that wait for room.

Rules
1. Interactive requests go before bulk ones, always.
2. Within a priority callers take turns, and a caller's requests go in the order in which they came. A turn
   is one request of up to 4000 tokens; a longer one costs its caller several turns, at most 16. So one
   with 900 waiting requests does not keep one with 3 waiting.
3. One who is in the line and joins again keeps the place. One who is asked and finds no room keeps the
   place and the caller's turn. One who takes room is out of the line.
4. At most `count` + 16 are asked for `count` rooms, in the order in which all would go if everybody took:
   so every caller's first before anybody's second. One who joins meanwhile is asked the next time.
5. The line is bounded. When it is full, a newcomer gets somebody's place or is refused. An interactive one
   pushes out bulk: the newest request of the caller with most of it. Then the same happens within a
   priority, to a caller that holds over 5/4 of its fair share, for one that holds less than its own.
6. A newcomer whose turn would come after its deadline is refused, if the line's speed is known
   (`line_speed`) and somebody is ahead: a stall must not close the line for good.
7. Who is refused is told when those who wait now should be gone: their number ÷ speed, 1 to 60 s.

Drawbacks: bulk may wait for good behind interactive requests, so it needs deadlines of its own. A full
line can't take a place from another route's. What a caller owes for long requests is forgotten when its
last one has left the line. Those who give up ahead are not foreseen: estimates are rather too long.

Source: Shreedhar & Varghese, 1995 (deficit round robin; here a round's balance is kept as the number of the
round in which a caller is next); Suter et al., 1998 (longest queue drop).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain, islice
from typing import Protocol

from halfopen.model import Demand, Priority
from halfopen.policy.line_speed import LineSpeed

_PASSED_ON_MAX = 16
"""One who has no use for the room passes it on, so many times at most."""
_TURN_TOKENS = 4000
_TURNS_MAX = 16
"""Whatever its length, a request costs no more turns: estimates of tokens may be far off."""
_RETRY_MIN_S = 1.0
_RETRY_MAX_S = 60.0


class ShedReason(Enum):
    """Why a request may not wait."""

    FULL = "the line is full"
    SHARE = "the caller has its share of the line already"
    LATE = "its turn would come after its deadline"


@dataclass(frozen=True, slots=True)
class Shedding:
    """A request's place is refused or taken back."""

    reason: ShedReason
    retry_after_s: float
    """When there should be room: an estimate from how fast the line moves. Seconds, 1 to 60."""


class Waiting(Protocol):
    """A request in the line."""

    def on_room(self) -> bool:
        """There may be room now. Whether it was taken."""

    def on_shed(self, shedding: Shedding) -> None:
        """Somebody with a better claim has got the place; the request has left the line."""


class _Place:
    """One request's place."""

    __slots__ = ("asked_in", "caller", "joined_again", "lane", "turns", "waiting")

    def __init__(self, waiting: Waiting, lane: "_Lane", caller: "_Caller", tokens: int) -> None:
        self.waiting = waiting
        self.lane = lane
        self.caller = caller
        self.turns = min(max(-(-tokens // _TURN_TOKENS), 1), _TURNS_MAX)
        self.asked_in = 0
        """The number of the wake that has asked it."""
        self.joined_again = False


class _Caller:
    """What one caller has in a lane. It is forgotten when that is nothing."""

    __slots__ = ("name", "places", "round", "turns")

    def __init__(self, name: str, round_: int) -> None:
        self.name = name
        self.round = round_
        """When it is next."""
        self.turns = 0
        """What its places cost."""
        self.places: OrderedDict[_Place, None] = OrderedDict()


class _Lane:
    """Those of one priority: callers by the round in which they are next, and by what they hold.

    No caller is behind `_round`, and none more than 16 rounds ahead of it.
    """

    __slots__ = ("_by_length", "_callers", "_longest", "_round", "_rounds", "_turns", "size", "speed")

    def __init__(self) -> None:
        self.size = 0
        self.speed = LineSpeed()
        self._turns = 0
        self._callers: dict[str, _Caller] = {}
        self._round = 0
        self._rounds: dict[int, OrderedDict[str, _Caller]] = {}
        self._by_length: dict[int, OrderedDict[str, _Caller]] = {}
        self._longest = 0

    def add(self, waiting: Waiting, demand: Demand, now: float) -> _Place:
        """A place at the end of its caller's; a caller that had none is next after the others."""
        if not self.size:
            self.speed.start(now)
        caller = self._callers.get(demand.caller)
        if caller is None:
            caller = self._callers[demand.caller] = _Caller(demand.caller, self._round + 1)
            self._rounds.setdefault(caller.round, OrderedDict())[caller.name] = caller
        place = _Place(waiting, self, caller, demand.tokens)
        caller.places[place] = None
        caller.turns += place.turns
        self._turns += place.turns
        self.size += 1
        self._resize(caller, len(caller.places) - 1)
        return place

    def remove(self, place: _Place, now: float) -> None:
        """A place, and its caller if that was the last one."""
        caller = place.caller
        del caller.places[place]
        caller.turns -= place.turns
        self._turns -= place.turns
        self.size -= 1
        self._resize(caller, len(caller.places) + 1)
        if not caller.places:
            _pop(self._rounds, caller.round, caller.name)
            del self._callers[caller.name]
        if not self.size:
            self.speed.stop(now)

    def charge(self, place: _Place) -> None:
        """Room was taken for a place that is gone: its caller has had its turn."""
        caller = place.caller
        if not caller.places:
            return
        self._advance(caller.round)
        _pop(self._rounds, caller.round, caller.name)
        caller.round = self._round + place.turns
        self._rounds.setdefault(caller.round, OrderedDict())[caller.name] = caller

    def order(self, limit: int) -> list[_Place]:
        """The first places by turn, each caller's first before anybody's second; at most `limit`."""
        found: list[_Place] = []
        later: dict[int, list[Iterator[_Place]]] = {}
        unseen, round_ = len(self._callers), self._round
        while (unseen or later) and len(found) < limit:
            callers = self._rounds[round_].values() if round_ in self._rounds else ()
            fresh = [iter(caller.places) for caller in islice(callers, limit - len(found))]
            unseen -= len(fresh)
            for places in chain(fresh, later.pop(round_, ())):
                place = next(places, None)
                if place is not None:
                    found.append(place)
                    later.setdefault(round_ + place.turns, []).append(places)
            round_ += 1
        return found[:limit]

    def ahead(self, name: str) -> float:
        """How many go before the caller's next one, if everybody takes."""
        own = self._callers.get(name)
        mine, my_turns = (len(own.places), own.turns) if own else (0, 0)
        others = len(self._callers) - (own is not None)
        theirs, their_turns = self.size - mine, self._turns - my_turns
        if not theirs:
            return mine
        return mine + min(theirs, (my_turns + 1) * others * theirs / their_turns)

    def held(self, name: str) -> tuple[int, int]:
        """How many places a caller has, and how many callers there are with it."""
        own = self._callers.get(name)
        return (len(own.places), len(self._callers)) if own else (0, len(self._callers) + 1)

    def heaviest(self) -> _Caller | None:
        """Who has most places; of several, who came to so many last."""
        return next(reversed(self._by_length[self._longest].values())) if self._longest else None

    def _advance(self, round_: int) -> None:
        """Those who were passed over keep their turn, but save up no more than one."""
        while self._round < round_:
            behind = self._rounds.pop(self._round, None)
            self._round += 1
            for name, caller in reversed(behind.items()) if behind else ():
                caller.round = self._round
                callers = self._rounds.setdefault(self._round, OrderedDict())
                callers[name] = caller
                callers.move_to_end(name, last=False)

    def _resize(self, caller: _Caller, before: int) -> None:
        length = len(caller.places)
        if before:
            _pop(self._by_length, before, caller.name)
        if length:
            self._by_length.setdefault(length, OrderedDict())[caller.name] = caller
        if length > self._longest or self._longest not in self._by_length:
            self._longest = length


class Line:
    """The waiting line of one route. Bounded together with other lines.

    Joining and leaving take a time that does not depend on how many wait. `on_room` and `on_shed` may join,
    leave and wake the line, whoever's place it is. Not thread-safe; one event loop owns it.
    """

    __slots__ = (
        "_asks",
        "_has_place",
        "_has_room",
        "_lanes",
        "_now",
        "_places",
        "_rooms",
        "_wake",
        "_waking",
    )

    def __init__(self, has_place: Callable[[], bool]) -> None:
        """`has_place` says whether one more request may wait, all lines together."""
        self._has_place = has_place
        self._places: dict[Waiting, _Place] = {}
        self._lanes = {priority: _Lane() for priority in (Priority.INTERACTIVE, Priority.BULK)}
        self._now = float("-inf")
        self._wake = 0
        self._waking = False
        self._has_room: Callable[[], bool] | None = None
        self._rooms = 0
        self._asks = 0

    def __len__(self) -> int:
        """Requests in the line."""
        return len(self._places)

    def __repr__(self) -> str:
        counts = ", ".join(f"{lane.size} {priority.value}" for priority, lane in self._lanes.items())
        return f"<Line: {counts}>"

    def join(self, waiting: Waiting, demand: Demand, deadline: float, now: float) -> Shedding | None:
        """Stand in the line; one who is in it keeps the place. Shedding: it may not wait.

        Another one may be pushed out for it.
        """
        self._now = max(self._now, now)
        standing = self._places.get(waiting)
        if standing is not None:
            standing.joined_again = True
            return None
        wait_s = self._wait_s(demand)
        if wait_s is not None and now + wait_s > deadline:
            return Shedding(ShedReason.LATE, _told(wait_s))
        lane, pushed = self._lanes[demand.priority], None
        if not self._has_place():
            pushed = self._lesser(demand)
            if pushed is None:
                return Shedding(self._refusal(demand), self._retry_after_s(lane))
            self.leave(pushed[0].waiting)
        place = self._places[waiting] = lane.add(waiting, demand, self._now)
        # One who comes while a wake goes on could be asked, take, fail and come again without an end.
        place.asked_in = self._wake if self._waking else 0
        if pushed is not None:
            # The newcomer stands already: whoever `on_shed` brings can't take the place that was made.
            loser, reason = pushed
            loser.waiting.on_shed(Shedding(reason, self._retry_after_s(loser.lane)))
        return None

    def leave(self, waiting: Waiting) -> None:
        """Go, if in the line."""
        place = self._places.pop(waiting, None)
        if place is not None:
            place.lane.remove(place, self._now)

    def wake(self, count: int, now: float, has_room: Callable[[], bool] | None = None) -> None:
        """Tell those whose turn it is until `count` have taken room. Who finds none keeps the place.

        From within `on_room`, there is so much more room for the wake that goes on. Nobody is asked
        while `has_room` says that there is none for anybody in the line. None: `count` is all that is known.
        """
        self._now = max(self._now, now)
        if self._waking:
            self._rooms += count
            self._asks += count
            self._has_room = has_room
            return
        self._has_room = has_room
        self._rooms, self._asks = count, count + _PASSED_ON_MAX
        self._wake += 1
        self._waking = True
        try:
            for lane in self._lanes.values():
                self._serve(lane)
        finally:
            self._waking = False
            self._has_room = None

    def _serve(self, lane: _Lane) -> None:
        for place in lane.order(self._rooms) if self._goes_on else ():
            if not self._goes_on or not self._ask(place):
                break
        for place in lane.order(self._asks + 1) if self._goes_on else ():
            if not self._goes_on:
                return
            self._ask(place)

    @property
    def _goes_on(self) -> bool:
        if self._rooms <= 0 or self._asks <= 0:
            return False
        return self._has_room is None or self._has_room()

    def _ask(self, place: _Place) -> bool:
        """Whether room was taken. Nobody is asked twice in a wake."""
        waiting = place.waiting
        if place.asked_in == self._wake or self._places.get(waiting) is not place:
            return False
        place.asked_in = self._wake
        place.joined_again = False
        self._asks -= 1
        if not waiting.on_room():
            return False
        self._rooms -= 1
        place.lane.speed.took(self._now)
        if self._places.get(waiting) is place and not place.joined_again:
            self.leave(waiting)
        place.lane.charge(place)
        return True

    def _lesser(self, demand: Demand) -> tuple[_Place, ShedReason] | None:
        """Whose place a newcomer gets in a full line, and why."""
        if demand.priority is Priority.INTERACTIVE:
            heaviest = self._lanes[Priority.BULK].heaviest()
            if heaviest is not None:
                return next(reversed(heaviest.places)), ShedReason.FULL
        lane = self._lanes[demand.priority]
        heaviest = lane.heaviest()
        if heaviest is None:
            return None
        own, callers = lane.held(demand.caller)
        size = lane.size + 1
        if (own + 1) * callers <= size and 4 * len(heaviest.places) * callers > 5 * size:
            return next(reversed(heaviest.places)), ShedReason.SHARE
        return None

    def _refusal(self, demand: Demand) -> ShedReason:
        lane = self._lanes[demand.priority]
        own, callers = lane.held(demand.caller)
        return ShedReason.SHARE if own * callers > lane.size else ShedReason.FULL

    def _wait_s(self, demand: Demand) -> float | None:
        """How long until a newcomer's turn; None: nobody knows."""
        lane = self._lanes[demand.priority]
        speed = lane.speed.known(self._now)
        if speed is None:
            return None
        wait_s = lane.ahead(demand.caller) / speed
        if demand.priority is Priority.BULK:
            first = self._lanes[Priority.INTERACTIVE]
            speed = first.speed.known(self._now)
            wait_s += 0.0 if speed is None else first.size / speed
        return wait_s or None

    def _retry_after_s(self, lane: _Lane) -> float:
        wait_s = lane.size / lane.speed.assumed(self._now)
        first = self._lanes[Priority.INTERACTIVE]
        if lane is not first:
            wait_s += first.size / first.speed.assumed(self._now)
        return _told(wait_s)


def _told(wait_s: float) -> float:
    return min(max(wait_s, _RETRY_MIN_S), _RETRY_MAX_S)


def _pop(groups: dict[int, OrderedDict[str, _Caller]], key: int, name: str) -> None:
    """Take a caller out of its group, and the group away if that was the last one."""
    group = groups[key]
    del group[name]
    if not group:
        del groups[key]
