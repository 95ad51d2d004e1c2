"""One limit, several users: parts follow demand, and together they are never more than the whole."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfopen.policy.sharing import APPLIED_S, EVEN_PART, GONE_S, Division, divided

DEMANDS = st.floats(allow_nan=True, allow_infinity=True)


class TestDivided:
    @pytest.mark.parametrize(
        ("demands", "expected"),
        [
            pytest.param({}, {}, id="nobody"),
            pytest.param({"a": 0.0}, {"a": 1.0}, id="alone and idle"),
            pytest.param({"a": 5.0}, {"a": 1.0}, id="alone"),
            pytest.param({"a": 0.0, "b": 0.0}, {"a": 0.5, "b": 0.5}, id="all idle"),
            pytest.param({"a": 3.0, "b": 1.0}, {"a": 0.725, "b": 0.275}, id="by demand"),
            pytest.param({"a": 7.0, "b": 0.0}, {"a": 0.95, "b": 0.05}, id="an idle one has a start"),
            pytest.param({"a": -1.0, "b": math.nan, "c": 2.0, "d": math.inf},
                         {"a": 0.025, "b": 0.025, "c": 0.925, "d": 0.025}, id="nonsense is no demand"),
            pytest.param({"a": 1e308, "b": 1e308}, {"a": 0.5, "b": 0.5}, id="huge"),
        ],
    )  # fmt: skip
    def test_parts(self, demands: dict[str, float], expected: dict[str, float]) -> None:
        """A tenth evenly, the rest by demand."""
        assert divided(demands) == pytest.approx(expected)

    @given(st.dictionaries(st.text(max_size=3), DEMANDS, min_size=1, max_size=20))
    def test_is_whole(self, demands: dict[str, float]) -> None:
        """Whatever is asked, the parts are one whole, and none is nothing."""
        parts = divided(demands)
        assert parts.keys() == demands.keys()
        assert sum(parts.values()) == pytest.approx(1.0)
        assert all(part >= EVEN_PART / len(parts) * 0.999 for part in parts.values())


def told(division: Division, now: float, **reports: tuple[float, float]) -> None:
    """Each holder's demand, and the part that it uses."""
    for name, (demand, held) in reports.items():
        division.told(name, demand, held, now)


class TestDivision:
    def test_lowers_first(self) -> None:
        """The one that asks more gets it when the other says that it uses less, not before."""
        division = Division()
        told(division, 0.0, a=(900.0, 0.5), b=(100.0, 0.5))
        first = division.grant(0.0)
        assert first == pytest.approx({"a": 0.5, "b": 0.14})
        assert division.reserved == 1.0
        told(division, 0.1, b=(100.0, first["b"]))
        assert division.grant(0.1) == pytest.approx({"a": 0.86, "b": 0.14})
        assert division.reserved == pytest.approx(1.0)

    def test_a_silent_one_is_waited_for(self) -> None:
        """Who does not say that it has lowered its part has done so after 2 s."""
        division = Division()
        told(division, 0.0, a=(900.0, 0.5), b=(100.0, 0.5))
        division.grant(0.0)
        assert division.grant(APPLIED_S - 0.01)["a"] == pytest.approx(0.5)
        assert division.grant(APPLIED_S)["a"] == pytest.approx(0.86)

    def test_who_goes_on_with_more_counts(self) -> None:
        """A holder that still says so after 2 s has it, and nobody else."""
        division = Division()
        told(division, 0.0, a=(900.0, 0.5), b=(100.0, 0.5))
        division.grant(0.0)
        told(division, 2.5, b=(100.0, 0.5))
        assert division.grant(2.5)["a"] == pytest.approx(0.5)

    def test_a_report_from_before_a_raise_gives_nothing_up(self) -> None:
        """Its holder has yet to hear of the raise, and uses it until it hears of the lowering after that."""
        division = Division()
        told(division, 0.0, a=(900.0, 0.5), b=(900.0, 0.1))
        assert division.grant(0.0) == pytest.approx({"a": 0.5, "b": 0.5})
        told(division, 0.1, a=(900.0, 0.5))
        division.whole = 0.5
        assert division.grant(0.2) == pytest.approx({"a": 0.25, "b": 0.25})
        told(division, 0.3, b=(900.0, 0.1))
        assert division.reserved == pytest.approx(1.0)
        told(division, 0.4, b=(900.0, 0.5))
        assert division.reserved == pytest.approx(1.0)
        told(division, 0.5, b=(900.0, 0.25))
        assert division.reserved == pytest.approx(0.75)

    def test_a_newcomer_is_made_room_for(self) -> None:
        """What it starts with counts, so nobody is raised until the others have given way."""
        division = Division()
        told(division, 0.0, a=(10.0, 1.0))
        assert division.grant(0.0) == {"a": 1.0}
        told(division, 1.0, b=(10.0, 0.05))
        parts = division.grant(1.0)
        assert parts == pytest.approx({"a": 0.5, "b": 0.05})
        told(division, 1.1, a=(10.0, 0.5))
        assert division.grant(1.1) == pytest.approx({"a": 0.5, "b": 0.5})

    def test_who_left_counts_for_a_while(self) -> None:
        """It may be serving without its connection; 3 s later the others have its part."""
        division = Division()
        told(division, 0.0, a=(1.0, 0.5), b=(1.0, 0.5))
        division.left("b", 0.0)
        assert division.grant(GONE_S - 0.01) == {"a": 0.5}
        assert division.grant(GONE_S) == {"a": 1.0}

    def test_who_comes_back_has_its_part(self) -> None:
        """A lost connection that is made again in time changes nothing."""
        division = Division()
        told(division, 0.0, a=(1.0, 0.5), b=(1.0, 0.5))
        division.left("b", 0.0)
        told(division, 1.0, b=(1.0, 0.5))
        assert division.grant(5.0) == {"a": 0.5, "b": 0.5}

    def test_less_to_divide(self) -> None:
        """Another machine needs more: parts go down at once, and are free when that is applied."""
        division = Division()
        told(division, 0.0, a=(1.0, 0.5), b=(1.0, 0.5))
        division.whole = 0.4
        assert division.grant(1.0) == pytest.approx({"a": 0.2, "b": 0.2})
        assert division.reserved == 1.0
        told(division, 1.1, a=(1.0, 0.2), b=(1.0, 0.2))
        assert division.reserved == pytest.approx(0.4)

    def test_raises_nothing_until_all_are_known(self) -> None:
        """One who has just begun to divide doesn't know yet who else has a part."""
        division = Division()
        told(division, 0.0, a=(1.0, 0.3))
        assert division.grant(0.0, may_raise=False) == {"a": 0.3}
        assert division.grant(0.0) == {"a": 1.0}

    def test_demand_is_smoothed(self) -> None:
        """One report counts half."""
        division = Division()
        told(division, 0.0, a=(100.0, 1.0))
        told(division, 1.0, a=(0.0, 1.0))
        assert division.demand == 50.0


class Fleet:
    """Holders that raise their parts at once and lower them when they get to it, within 2 s."""

    def __init__(self) -> None:
        self.division = Division()
        self.held = {"a": 0.2, "b": 0.5, "c": 0.3}
        self.demands = dict.fromkeys(self.held, 1.0)
        self._lowered: dict[str, tuple[float, float]] = {}
        self._now = 0.0

    def wait(self, seconds: float) -> None:
        self._now += seconds
        for name, (_, told_at) in list(self._lowered.items()):
            if self._now >= told_at + APPLIED_S:
                self.apply(name)

    def ask(self, name: str, demand: float) -> None:
        self.demands[name] = demand

    def apply(self, name: str) -> None:
        if name in self._lowered:
            self.held[name] = self._lowered.pop(name)[0]

    def divide(self, whole: float) -> None:
        self.division.whole = whole

    def settle(self) -> None:
        """All report, and are told."""
        for name, part in self.held.items():
            self.division.told(name, self.demands[name], part, self._now)
        for name, part in self.division.grant(self._now).items():
            if part >= self.held[name]:
                self.held[name] = part
                self._lowered.pop(name, None)
            else:
                _, told_at = self._lowered.get(name, (0.0, self._now))
                self._lowered[name] = part, told_at


NAMES = st.sampled_from("abc")
STEPS = st.one_of(
    st.tuples(st.just(Fleet.wait), st.floats(0.05, 1.5)),
    st.tuples(st.just(Fleet.ask), NAMES, st.floats(0, 1000)),
    st.tuples(st.just(Fleet.apply), NAMES),
    st.tuples(st.just(Fleet.divide), st.floats(0.2, 1.0)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_never_more_than_the_whole(steps: list[Any]) -> None:
    """Whatever is asked, and however late a lowered part is applied: never above 1, and above a whole that
    has shrunk all together only ever have less."""
    fleet = Fleet()
    for step, *values in steps:
        before = sum(fleet.held.values())
        step(fleet, *values)
        fleet.settle()
        together = sum(fleet.held.values())
        assert together <= max(fleet.division.whole, before) + 1e-9, fleet.held
        assert together <= 1.0 + 1e-9, fleet.held
