"""The waiting line: who goes first, who may wait, who is pushed out, and what the refused are told."""

from collections.abc import Callable

import pytest

from halfopen.model import Demand, Priority
from halfopen.policy.queue import Line, Shedding, ShedReason

NEVER = float("inf")
BULK = Priority.BULK


class Guest:
    """Takes room when told to, and writes down what happens to it."""

    def __init__(
        self, line: Line, name: str = "", log: list[str] | None = None, *, takes: bool = True
    ) -> None:
        self.line = line
        self.name = name
        self.log = [] if log is None else log
        self.takes = takes
        self.asked = 0
        self.shed: Shedding | None = None
        self.meanwhile: Callable[[], None] = lambda: None

    def on_room(self) -> bool:
        self.asked += 1
        if self.takes:
            self.line.leave(self)
            self.log.append(self.name)
        self.meanwhile()
        return self.takes

    def on_shed(self, shedding: Shedding) -> None:
        assert self.shed is None, "shed twice"
        self.shed = shedding
        self.meanwhile()


def demand(caller: str = "a", *, bulk: bool = False, tokens: int = 0) -> Demand:
    return Demand(input_tokens=tokens, priority=BULK if bulk else Priority.INTERACTIVE, caller=caller)


def bounded(places: int) -> Line:
    line = Line(lambda: len(line) < places)
    return line


def stand(line: Line, callers: str, log: list[str] | None = None, *, takes: bool = True) -> list[Guest]:
    """One guest for each letter, that of its caller; a capital waits with bulk."""
    guests = []
    for number, letter in enumerate(callers):
        guest = Guest(line, f"{letter}{number}", log, takes=takes)
        shed = line.join(guest, demand(letter.lower(), bulk=letter.isupper()), NEVER, 0.0)
        assert shed is None, shed
        guests.append(guest)
    return guests


def served(callers: str, *, count: int = 1, wakes: int = 99) -> str:
    """In which order they are served: the letters."""
    log: list[str] = []
    line = bounded(1000)
    stand(line, callers, log)
    for _ in range(wakes):
        line.wake(count, 0.0)
    return "".join(name[0] for name in log)


@pytest.mark.parametrize("count", [1, 2, 5, 100], ids="{} rooms at once".format)
@pytest.mark.parametrize(
    ("callers", "order"),
    [
        pytest.param("aaa", "aaa", id="one caller"),
        pytest.param("aaaabb", "ababaa", id="two callers take turns"),
        pytest.param("AAaBb", "abABA", id="interactive before bulk"),
        pytest.param("aaabbc", "abcaba", id="three callers"),
        pytest.param("", "", id="nobody"),
    ],
)
def test_order(callers: str, order: str, count: int) -> None:
    """Interactive before bulk, callers in turn, however many rooms become free at once."""
    assert served(callers, count=count) == order


def test_one_callers_requests_go_in_the_order_in_which_they_came() -> None:
    """First come, first served within a caller."""
    log: list[str] = []
    line = bounded(99)
    stand(line, "aabab", log)
    line.wake(9, 0.0)
    assert log == ["a0", "b2", "a1", "b4", "a3"]


def test_one_with_many_does_not_keep_one_with_few() -> None:
    """Behind 900 requests of another caller, three are served within six."""
    assert served("a" * 900 + "bbb", wakes=6) == "ababab"


def test_a_caller_that_comes_later_is_next_after_the_others() -> None:
    """A newcomer's caller waits for one round, no more, and is not favoured either."""
    log: list[str] = []
    line = bounded(99)
    stand(line, "aaaabbbb", log)
    line.wake(1, 0.0)
    stand(line, "cc", log)
    line.wake(5, 0.0)
    assert "".join(name[0] for name in log) == "abacba"


@pytest.mark.parametrize(
    ("tokens", "turns"),
    [(-5, 1), (0, 1), (1, 1), (4000, 1), (4001, 2), (8000, 2), (64_000, 16), (64_001, 16), (10**12, 16)],
    ids="{} tokens".format,
)
def test_a_long_request_costs_its_caller_several_turns(tokens: int, turns: int) -> None:
    """A turn is up to 4000 tokens, and 16 turns are the most: the other caller goes that often meanwhile."""
    log: list[str] = []
    line = bounded(99)
    for _ in range(3):
        line.join(Guest(line, "a", log), demand("a", tokens=tokens), NEVER, 0.0)
    stand(line, "b" * 40, log)
    for _ in range(40):
        line.wake(1, 0.0)
    assert "".join(name[0] for name in log)[: 2 * (turns + 1)] == ("a" + "b" * turns) * 2


@pytest.mark.parametrize(("rooms", "asked"), [(0, 0), (1, 1), (2, 2), (9, 5)], ids="{} rooms".format)
def test_nobody_is_asked_when_there_is_no_room(rooms: int, asked: int) -> None:
    """Of those who take, as many are asked as there is room for, whatever the wake was told."""
    log: list[str] = []
    line = bounded(99)
    stand(line, "abcde", log)
    line.wake(5, 0.0, lambda: len(log) < rooms)
    assert len(log) == asked
    line.wake(5, 0.0)
    assert len(log) == 5


def test_those_who_find_none_are_passed_on_as_long_as_there_is_room() -> None:
    """Who has no use for the room is no reason to end; that it is gone is."""
    log: list[str] = []
    line = bounded(99)
    refusing = stand(line, "aab", takes=False)
    stand(line, "ccc", log)
    line.wake(2, 0.0, lambda: not log)
    assert log == ["c0"]
    assert len(line) == len(refusing) + 2


def test_room_elsewhere_is_not_forgotten_when_one_place_is_full() -> None:
    """A wake from within is for another place: that the first one is full says nothing of it."""
    log: list[str] = []
    line = bounded(99)
    first, *_ = stand(line, "abc", log)
    first.meanwhile = lambda: line.wake(1, 0.0)
    line.wake(1, 0.0, lambda: not log)
    assert log == ["a0", "b1"]


def test_who_joins_again_keeps_the_place() -> None:
    """A request that finds no room and joins again is still the first."""
    line = bounded(1)
    guest = Guest(line, "a", takes=False)
    assert line.join(guest, demand(), NEVER, 0.0) is None
    assert line.join(guest, demand(), NEVER, 1.0) is None
    assert len(line) == 1
    line.wake(1, 2.0)
    assert guest.asked == 1


def test_leaving_twice_or_without_a_place_is_nothing() -> None:
    """`leave` is for everybody, in the line or not."""
    line = bounded(2)
    one, two = stand(line, "aa")
    line.leave(one)
    line.leave(one)
    line.leave(Guest(line))
    assert len(line) == 1
    assert repr(line) == "<Line: 1 interactive, 0 bulk>"
    line.leave(two)
    assert len(line) == 0


def test_who_finds_no_room_keeps_place_and_turn() -> None:
    """The room is passed on, and who passed it on is asked first again."""
    log: list[str] = []
    line = bounded(9)
    first, *_ = stand(line, "abab", log)
    first.takes = False
    line.wake(1, 0.0)
    assert log == ["b1"]
    first.takes = True
    line.wake(3, 0.0)
    assert log == ["b1", "a0", "b3", "a2"]


def test_a_kept_turn_is_one_turn_however_often_the_caller_was_passed_over() -> None:
    """Who could not use room a hundred times does not get a hundred rooms in a row for it."""
    log: list[str] = []
    line = bounded(999)
    stuck = stand(line, "a" * 10, log, takes=False)
    stand(line, "b" * 110, log)
    for _ in range(100):
        line.wake(1, 0.0)
    assert "".join(name[0] for name in log) == "b" * 100
    for guest in stuck:
        guest.takes = True
    for _ in range(6):
        line.wake(1, 0.0)
    assert "".join(name[0] for name in log[100:]) == "ababab"


@pytest.mark.parametrize("count", [0, 1, 3], ids="{} rooms".format)
def test_so_many_are_asked_at_most(count: int) -> None:
    """Who can't use room is not asked without an end: 16 more than there are rooms."""
    line = bounded(99)
    guests = stand(line, "abcD" * 20, takes=False)
    line.wake(count, 0.0)
    assert sum(guest.asked for guest in guests) == (count + 16 if count else 0)
    assert max(guest.asked for guest in guests) <= 1


def test_every_callers_first_is_asked_before_anybodys_second() -> None:
    """One caller's many requests that can't use the room do not use up the questions."""
    line = bounded(999)
    stand(line, "a" * 500, takes=False)
    (other,) = stand(line, "b")
    line.wake(1, 0.0)
    assert (other.asked, len(line)) == (1, 500)


def test_bulk_is_asked_when_no_interactive_one_can_use_the_room() -> None:
    """Room that is of no use to those who go first is not wasted."""
    log: list[str] = []
    line = bounded(9)
    stand(line, "aa", takes=False)
    stand(line, "BB", log)
    line.wake(1, 0.0)
    assert log == ["B0"]


# The bound.


def test_a_full_line_refuses() -> None:
    """The bound is kept, and the refused are told why and for how long."""
    line = bounded(2)
    stand(line, "aa")
    shed = line.join(Guest(line), demand("a"), NEVER, 0.0)
    assert shed == Shedding(ShedReason.FULL, 2.0)
    assert len(line) == 2


def test_a_line_without_places_refuses_everybody() -> None:
    """Nobody can be pushed out of an empty line."""
    shed = bounded(0).join(Guest(bounded(0)), demand(), NEVER, 0.0)
    assert shed == Shedding(ShedReason.FULL, 1.0)


def test_interactive_pushes_out_the_newest_bulk_of_the_heaviest_caller() -> None:
    """Whoever waits for an answer gets a batch's place in a full line."""
    line = bounded(5)
    guests = stand(line, "AABBB")
    newcomer = Guest(line)
    assert line.join(newcomer, demand("a"), NEVER, 0.0) is None
    assert [guest.shed is not None for guest in guests] == [False, False, False, False, True]
    assert guests[4].shed == Shedding(ShedReason.FULL, 5.0)
    assert len(line) == 5


def test_bulk_pushes_out_nobody_who_waits_for_an_answer() -> None:
    """A full line of interactive requests has no place for bulk, whatever the shares."""
    line = bounded(5)
    guests = stand(line, "aaaaa")
    shed = line.join(Guest(line), demand("b", bulk=True), NEVER, 0.0)
    assert shed == Shedding(ShedReason.FULL, 5.0)
    assert all(guest.shed is None for guest in guests)


@pytest.mark.parametrize("bulk", [False, True], ids=["interactive", "bulk"])
def test_shares(bulk: bool) -> None:
    """In a full line the heaviest caller gives places to others until it has hardly more than its share."""
    line = bounded(12)
    guests = stand(line, "AAAAAAAAAAAA" if bulk else "aaaaaaaaaaaa")
    reasons = []
    for _ in range(8):
        shed = line.join(Guest(line), demand("b", bulk=bulk), NEVER, 0.0)
        reasons.append(shed and shed.reason)
    assert reasons == [None] * 4 + [ShedReason.FULL] * 4
    pushed = [guest.shed.reason for guest in guests if guest.shed]
    assert pushed == [ShedReason.SHARE] * 4
    assert [guest.shed is None for guest in guests] == [True] * 8 + [False] * 4
    shed = line.join(Guest(line), demand("a", bulk=bulk), NEVER, 0.0)
    assert shed is not None
    assert shed.reason is ShedReason.SHARE


def test_callers_with_their_share_each_push_nobody_out() -> None:
    """Even shares stay: a newcomer of any of them is refused as the line is full."""
    line = bounded(6)
    stand(line, "aabbcc")
    shed = line.join(Guest(line), demand("a"), NEVER, 0.0)
    assert shed is not None
    assert shed.reason is ShedReason.FULL


def test_who_is_pushed_out_can_not_take_the_place_back() -> None:
    """`on_shed` may join again at once: the newcomer stands already, and the bound holds."""
    line = bounded(3)
    *_, last = stand(line, "AAA")
    answers: list[Shedding | None] = []
    last.meanwhile = lambda: answers.append(line.join(last, demand("a", bulk=True), NEVER, 0.0))
    newcomer = Guest(line)
    assert line.join(newcomer, demand("b"), NEVER, 0.0) is None
    assert answers[0] is not None
    assert len(line) == 3
    line.wake(1, 0.0)
    assert newcomer.asked == 1


# Re-entrance.


def test_others_may_leave_while_one_is_asked() -> None:
    """Who left because of another's turn is not asked any more."""
    line = bounded(9)
    first, second, third = stand(line, "abc")
    first.meanwhile = lambda: line.leave(second)
    line.wake(3, 0.0)
    assert (second.asked, third.asked, len(line)) == (0, 1, 0)


def test_who_joins_while_one_is_asked_is_asked_the_next_time() -> None:
    """One that takes room, fails and joins again at once does not keep the wake going for ever."""
    line = bounded(9)
    (guest,) = stand(line, "a")

    def fail_at_once() -> None:
        line.join(guest, demand(), NEVER, 0.0)
        line.wake(1, 0.0)

    guest.meanwhile = fail_at_once
    line.wake(5, 0.0)
    assert (guest.asked, len(line)) == (1, 1)
    line.wake(1, 0.0)
    assert (guest.asked, len(line)) == (2, 1)


def test_a_wake_within_a_wake_adds_rooms() -> None:
    """Room that becomes free while one is asked goes to the next ones, without asking inside of asking."""
    line = bounded(9)
    log: list[str] = []
    first, *_ = stand(line, "aaaa", log)
    first.meanwhile = lambda: line.wake(2, 0.0)
    line.wake(1, 0.0)
    assert log == ["a0", "a1", "a2"]


def test_one_who_takes_room_is_out_also_if_it_does_not_say_so() -> None:
    """Nobody who has got room keeps a place by forgetting to leave; joining again within keeps it."""
    line = bounded(9)

    class Forgetful(Guest):
        def on_room(self) -> bool:
            self.meanwhile()
            return True

    forgetful, again = Forgetful(line), Forgetful(line)
    again.meanwhile = lambda: (line.join(again, demand(), NEVER, 0.0), None)[1]
    line.join(forgetful, demand(), NEVER, 0.0)
    line.join(again, demand(), NEVER, 0.0)
    line.wake(2, 0.0)
    assert len(line) == 1
    line.leave(again)
    assert len(line) == 0


def test_a_defect_in_one_request_leaves_the_line_whole() -> None:
    """An exception out of `on_room` goes on to the caller, and the next wake works."""
    line = bounded(9)
    first, second = stand(line, "ab")

    def fail() -> None:
        raise RuntimeError("a defect")

    first.meanwhile = fail
    with pytest.raises(RuntimeError, match="a defect"):
        line.wake(1, 0.0)
    line.wake(1, 0.0)
    assert (second.asked, len(line)) == (1, 0)


# Speed, deadlines, and what the refused are told.


def moving(per_s: float, *, caller: str = "z", takes: int = 40) -> Line:
    """A line that has moved at this speed for a while, until 1000 s, and in which nobody waits."""
    line = bounded(10_000)
    start = 1000.0 - takes / per_s
    for number in range(takes):
        line.join(Guest(line), demand(caller), NEVER, start if not number else start + number / per_s)
        line.wake(1, start + (number + 1) / per_s)
    assert len(line) == 0
    return line


def test_a_newcomer_whose_turn_would_come_too_late_is_refused_at_once() -> None:
    """At 10 a second, the 100th has its turn in 10 s: that is too late for one with 9 s, not for one with 11."""
    line = moving(10.0)
    for _ in range(100):
        assert line.join(Guest(line), demand(), NEVER, 1000.0) is None
    shed = line.join(Guest(line), demand(), 1009.0, 1000.0)
    assert shed == Shedding(ShedReason.LATE, pytest.approx(10.0))  # type: ignore[arg-type]  # approx compares
    assert line.join(Guest(line), demand(), 1011.0, 1000.0) is None


def test_what_counts_is_the_turn_not_the_length_of_the_line() -> None:
    """Another caller's first request is soon served, however many one caller has waiting."""
    line = moving(10.0)
    for _ in range(100):
        line.join(Guest(line), demand("a"), NEVER, 1000.0)
    assert line.join(Guest(line), demand("b"), 1000.2, 1000.0) is None
    assert line.join(Guest(line), demand("b"), 1000.2, 1000.0) is not None


def test_nobody_is_late_in_an_empty_line() -> None:
    """With nobody ahead, there is always a try."""
    assert moving(0.5).join(Guest(bounded(1)), demand(), 1000.001, 1000.0) is None


@pytest.mark.parametrize(
    ("takes", "later_s"),
    [(0, 0.0), (4, 0.0), (40, 31.0), (40, 1e6)],
    ids=["never moved", "4 takes", "31 s", "days"],
)
def test_nobody_is_late_in_a_line_of_unknown_speed(takes: int, later_s: float) -> None:
    """With fewer than five takes, or none for 30 s, no newcomer is refused for its deadline."""
    line = moving(10.0, takes=takes)
    now = 1000.0 + later_s
    for _ in range(500):
        assert line.join(Guest(line), demand(), now + 0.1, now) is None


def test_a_stall_closes_the_line_for_30_s_at_most() -> None:
    """While nothing moves estimates grow; after 30 s of it nobody is refused for them any more."""
    line = moving(10.0)
    stand_at = [line.join(Guest(line, takes=False), demand(), NEVER, 1000.0) for _ in range(10)]
    assert stand_at == [None] * 10
    late = [line.join(Guest(line), demand(), now + 5.0, now) is not None for now in (1000.0, 1020.0, 1031.0)]
    assert late == [False, True, False]


def test_after_a_stall_the_line_learns_its_speed_anew_within_17_takes() -> None:
    """A stall of 20 s is forgotten as soon as so many have been served."""
    line = moving(100.0)
    for _ in range(300):
        line.join(Guest(line), demand(), NEVER, 1000.0)
    for number in range(18):
        line.wake(1, 1020.0 + number / 100)
    assert line.join(Guest(line), demand(), 1020.17 + 3.0, 1020.17) is None


def test_time_without_anybody_waiting_does_not_slow_the_line() -> None:
    """A line in which somebody waits for 10 ms each second moves a hundred times a second."""
    line = bounded(99)
    for second in range(30):
        line.join(Guest(line), demand(), NEVER, float(second))
        line.wake(1, second + 0.01)
    for _ in range(50):
        line.join(Guest(line), demand(), NEVER, 30.0)
    assert line.join(Guest(line), demand(), 30.6, 30.0) is None
    assert line.join(Guest(line), demand(), 30.3, 30.0) is not None


def test_bulk_is_told_of_the_interactive_ones_ahead() -> None:
    """Bulk's own speed is what interactive requests leave of the room."""
    log: list[str] = []
    line = bounded(99)
    for _ in range(30):
        line.join(Guest(line, "B", log), demand("b", bulk=True), NEVER, 0.0)
    now = 0.0
    for number in range(80):
        now += 0.1
        if number % 4:
            line.join(Guest(line, "a", log), demand(), NEVER, now)
        line.wake(1, now)
    assert log.count("B") == 20
    shed = line.join(Guest(line), demand("b", bulk=True), now + 3.0, now)
    assert shed is not None  # 10 wait, at 2.5 a second
    assert shed.retry_after_s == pytest.approx(4.0, rel=0.15)
    assert line.join(Guest(line), demand("b", bulk=True), now + 6.0, now) is None


def test_retry_after_grows_with_the_line_within_its_bounds() -> None:
    """Never under 1 s nor over 60 s, and never less for a longer line."""
    told = []
    for length in (0, 1, 5, 10, 50, 100, 590, 700, 5000):
        line = moving(10.0)
        for _ in range(length):
            line.join(Guest(line), demand(), NEVER, 1000.0)
        line._has_place = lambda: False
        shed = line.join(Guest(line), demand(), NEVER, 1000.0)
        assert shed is not None
        told.append(shed.retry_after_s)
    assert told == pytest.approx([1.0, 1.0, 1.0, 1.0, 5.0, 10.0, 59.0, 60.0, 60.0])


def test_nobody_is_asked_while_there_is_no_room() -> None:
    """Whatever the count says. One who takes the last room ends it."""
    line, rooms = bounded(100), [0]
    guests = stand(line, "a" * 30)
    for guest in guests:
        guest.meanwhile = lambda: rooms.__setitem__(0, rooms[0] - 1)
    line.wake(5, 0.0, lambda: rooms[0] > 0)
    assert sum(guest.asked for guest in guests) == 0
    rooms[0] = 2
    line.wake(5, 0.0, lambda: rooms[0] > 0)
    assert [guest.asked for guest in guests[:3]] == [1, 1, 0]
    assert (sum(guest.asked for guest in guests), len(line)) == (2, 28)


def test_a_wake_from_within_says_anew_whether_there_is_room() -> None:
    """What the first one knew may be old."""
    line = bounded(100)
    guests = stand(line, "aaaa")
    guests[0].meanwhile = lambda: line.wake(2, 0.0, lambda: True)
    rooms = iter((True, True, False))
    line.wake(1, 0.0, lambda: next(rooms))
    assert [guest.asked for guest in guests] == [1, 1, 1, 0]
