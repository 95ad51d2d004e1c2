"""Machines that share limits: by demand while they hear of each other, the same part each when they don't."""

import itertools

import pytest

from halfopen.policy.claim import HOLD_S, LOST_S, Claim

TTL_S = 3.0


class Place:
    """Where machines meet: what `redis_link` keeps in Redis, on virtual time."""

    def __init__(self) -> None:
        self.is_there = True
        self.entries: dict[str, tuple[float, dict[str, float], dict[str, float]]] = {}

    def meet(
        self, me: str, demand: float, wanted: dict[str, float], held: float, now: float
    ) -> tuple[dict[str, float], list[dict[str, float]]]:
        self.entries = {name: each for name, each in self.entries.items() if now - each[0] <= TTL_S}
        others = [each for name, each in self.entries.items() if name != me]
        taken = sum(parts["p"] for _, _, parts in others)
        part = max(held, min(wanted["p"], max(1 - taken, 0.0)))
        self.entries[me] = now, {"p": demand}, {"p": part}
        return {"p": part}, [each for _, each, _ in others]


class Machine:
    """Meets once a second; what it lowers is applied after half a second."""

    def __init__(self, place: Place, name: str, now: float, machines: int = 1, offset_s: float = 0.0) -> None:
        self.place = place
        self.name = name
        self.demand = 0.0
        self.is_cut_off = False
        self.loses_answers = False
        self.claim = Claim(["p"], machines, now)
        self._meet_at = now + offset_s
        self.met_at = -1.0
        self._applied: list[tuple[float, float]] = [(now, self.part)]

    @property
    def part(self) -> float:
        return self.claim.parts["p"]

    def held(self, now: float) -> float:
        """What its workers may still be using."""
        self._applied = [each for each in self._applied if each[0] > now - 0.5] or self._applied[-1:]
        return max([self.part, *(part for _, part in self._applied)])

    def tick(self, now: float) -> None:
        demands, held = {"p": self.demand}, {"p": self.held(now)}
        if now >= self._meet_at and self.place.is_there and not self.is_cut_off:
            self._meet_at, self.met_at = now + 0.9, now
            wanted = self.claim.ask(demands, held, now)
            self._applied.append((now, self.part))
            granted, others = self.place.meet(self.name, self.demand, wanted, self.held(now), now)
            if not self.loses_answers:
                self.claim.heard(granted, others, now)
        self.claim.ask(demands, held, now)
        self._applied.append((now, self.part))


class World:
    """All of them, in steps of a tenth of a second."""

    def __init__(self) -> None:
        self.place = Place()
        self.machines: list[Machine] = []
        self.now = 100.0

    def add(self, demand: float = 0.0, machines: int = 1) -> Machine:
        number = len(self.machines)
        machine = Machine(self.place, str(number), self.now, machines, number * 0.13)
        machine.demand = demand
        self.machines.append(machine)
        return machine

    def run(self, seconds: float) -> float:
        """The largest sum of all parts in that time."""
        most = 0.0
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            for machine in self.machines:
                machine.tick(self.now)
            most = max(most, sum(machine.held(self.now) for machine in self.machines))
        return most

    @property
    def parts(self) -> list[float]:
        return [machine.part for machine in self.machines]


def test_alone() -> None:
    """One machine has the whole, with or without word from elsewhere."""
    world = World()
    world.add(5.0)
    assert world.run(10) == 1.0
    world.place.is_there = False
    assert world.run(10) == 1.0
    assert world.parts == [1.0]


def test_by_demand() -> None:
    """Two machines settle within 5 s on what each asks, and follow when that changes."""
    world = World()
    one, two = world.add(900.0), world.add(100.0)
    world.run(5)
    assert world.parts == pytest.approx([0.86, 0.14])
    one.demand, two.demand = 100.0, 900.0
    assert world.run(5) <= 1 + 1e-9
    assert world.parts == pytest.approx([0.14, 0.86])


def test_an_answer_is_lost() -> None:
    """What a machine gave up is not its own again, although it never heard that this was understood."""
    world = World()
    one, two = world.add(900.0), world.add(100.0)
    world.run(6)
    heard_at = one.met_at
    while one.met_at == heard_at:
        world.run(0.1)
    one.loses_answers = True
    one.demand, two.demand = 100.0, 900.0
    world.run(1.1)
    assert two.part == pytest.approx(0.5), "what was given up is another's"
    one.demand = 900.0
    assert one.claim.is_in_contact(world.now + 0.2)
    assert world.run(0.2) <= 1 + 1e-9
    one.loses_answers = False
    assert world.run(6) <= 1 + 1e-9
    assert world.parts == pytest.approx([0.5, 0.5])


def test_what_only_counts_is_not_granted() -> None:
    """Workers that still use more than is asked make nobody free to take it again."""
    claim = Claim(["p"], 2, 0.0)
    demands, held = {"p": 100.0}, {"p": 0.5}
    for now in (0.0, 1.0, 2.0, 3.0, 4.0):
        claim.ask(demands, held, now)
        claim.heard({"p": 0.5}, [{"p": 900.0}], now)
    assert claim.parts["p"] == pytest.approx(0.14)
    assert claim.ask({"p": 900.0}, held, 4.1) == pytest.approx({"p": 0.5})
    assert claim.parts["p"] == pytest.approx(0.14)


def test_a_part_that_nobody_uses_is_given_up() -> None:
    """Before its workers may raise theirs, others may have been told that the rest is free."""
    claim = Claim(["p"], 1, 0.0)
    claim.ask({}, {}, 0.0)
    claim.heard({"p": 0.0}, [{"p": 1.0}], 0.0)
    assert claim.ask({"p": 9.0}, {}, 0.5) == pytest.approx({"p": 0.86}), "not known yet: what it began with"
    claim.ask({"p": 9.0}, {"p": 0.5}, 1.0)
    assert claim.parts["p"] == 0.5
    claim.heard({"p": 0.6}, [{"p": 1.0}], 1.0)
    claim.ask({"p": 9.0}, {"p": 0.5}, 1.1)
    assert claim.parts["p"] == 0.5, "granted no more than was asked"


def test_a_limit_without_users_keeps_its_part() -> None:
    """Nothing is held where no worker is there: who comes has something to begin with."""
    claim = Claim(["p"], 2, 0.0)
    claim.ask({}, {}, 0.0)
    claim.heard({"p": 0.0}, [{"p": 1.0}], 0.0)
    claim.ask({}, {"p": 0.0}, 1.0)
    assert claim.parts["p"] > 0


def test_a_third_comes() -> None:
    """It begins with what it takes for its part; in 3 s all have given way."""
    world = World()
    world.add(10.0)
    world.add(10.0)
    world.run(6)
    world.add(10.0, machines=3)
    assert world.run(3) <= 4 / 3 + 1e-9
    assert world.run(10) <= 1 + 1e-9
    assert world.parts == pytest.approx([1 / 3] * 3)


def test_place_is_gone() -> None:
    """All fall to the fair part, never above the whole together."""
    world = World()
    world.add(900.0)
    world.add(100.0)
    world.run(6)
    world.place.is_there = False
    assert world.run(LOST_S + 0.5) <= 1 + 1e-9
    assert world.parts == pytest.approx([0.5, 0.14]), "the larger part is lowered first"
    assert world.run(HOLD_S) <= 1 + 1e-9
    assert world.parts == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("gone_s", [0.5, 1.0, 2.0, 2.9, 4.0, 20.0], ids=str)
def test_place_comes_back(gone_s: float) -> None:
    """However long it was gone, and although all entries have expired: by demand again, never above the whole."""
    world = World()
    world.add(900.0)
    world.add(100.0)
    world.run(6)
    world.place.is_there = False
    world.run(gone_s)
    world.place.is_there = True
    assert world.run(12) <= 1 + 1e-9
    assert world.parts == pytest.approx([0.86, 0.14])


def test_one_comes_back_first() -> None:
    """It finds itself alone there, and takes no more: the other may just be on its way."""
    world = World()
    one, two = world.add(900.0), world.add(100.0)
    world.run(6)
    one.is_cut_off = two.is_cut_off = True
    world.run(6)
    one.is_cut_off = False
    assert world.run(2.5) <= 1 + 1e-9
    two.is_cut_off = False
    assert world.run(10) <= 1 + 1e-9
    assert world.parts == pytest.approx([0.86, 0.14])


def test_place_flaps() -> None:
    """A place that is there for moments only makes nobody believe to be alone."""
    world = World()
    world.add(900.0)
    world.add(100.0)
    world.run(6)
    for gone_s, there_s in itertools.product((2.0, 5.0), (0.3, 1.0, 2.0)):
        world.place.is_there = False
        assert world.run(gone_s) <= 1 + 1e-9
        world.place.is_there = True
        assert world.run(there_s) <= 1 + 1e-9


def test_configured_number() -> None:
    """As long as the place has never been reached, the configuration says how many there are."""
    world = World()
    world.place.is_there = False
    for _ in range(3):
        world.add(10.0, machines=3)
    assert world.run(10) <= 1 + 1e-9
    assert world.parts == pytest.approx([1 / 3] * 3)


def test_a_machine_ends() -> None:
    """The other has all of it once the entry has expired."""
    world = World()
    world.add(10.0)
    world.add(10.0)
    world.run(6)
    world.machines.pop()
    world.run(TTL_S + 3)
    assert world.parts == [1.0]


def test_new_limits_begin_fair() -> None:
    """Another configuration keeps the parts of what it shares with the last."""
    claim = Claim(["p"], 2, 0.0)
    claim.parts["p"] = 0.3
    claim.name(["p", "q"])
    assert claim.parts == {"p": 0.3, "q": 0.5}
    claim.name(["q"])
    assert claim.parts == {"q": 0.5}
