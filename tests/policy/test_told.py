"""What other processes have found out: of keys, and of targets."""

import pytest

from halfopen.errors import make
from halfopen.model import Kind
from halfopen.policy import Credential
from halfopen.policy.breaker import Breaker, BreakerOptions, BreakerState
from halfopen.policy.credential import ParkingOptions

REFUSED = make(Kind.BAD_KEY, "no")


@pytest.fixture
def key() -> Credential:
    return Credential(ParkingOptions())


class TestCredential:
    def test_is_parked(self, key: Credential) -> None:
        """As if it had been refused here; then one request tries it."""
        key.told(REFUSED, 150.0, 100.0)
        assert (key.is_parked(149.9), key.is_parked(150.0)) == (True, False)
        assert (key.admit(149.9), key.admit(150.0), key.admit(150.1)) == (False, True, False)

    @pytest.mark.parametrize(
        ("until", "expected"),
        [(400.0, 400.0), (400.1, 400.0), (1e12, 400.0)],
        ids=["300 s", "more", "endless"],
    )
    def test_is_believed_for_300_s(self, key: Credential, until: float, expected: float) -> None:
        """Whatever was told."""
        key.told(REFUSED, until, 100.0)
        assert key.parked_until == expected

    @pytest.mark.parametrize("until", [100.0, 50.0])
    def test_what_is_over_changes_nothing(self, key: Credential, until: float) -> None:
        """News may come late."""
        key.told(REFUSED, until, 100.0)
        assert (key.fault, key.refusals) == (None, 0)

    def test_the_later_end_stands(self, key: Credential) -> None:
        """What is known here is not shortened by news, and an end that is the same is none."""
        key.refused(REFUSED, 100.0)
        for until in (120.0, 160.0):
            key.told(REFUSED, until, 100.0)
        assert (key.parked_until, key.refusals) == (160.0, 1)
        key.told(REFUSED, 170.0, 100.0)
        assert (key.parked_until, key.refusals) == (170.0, 2)

    def test_an_earlier_call_proves_nothing(self, key: Credential) -> None:
        """Its answer may have been on its way when the key was refused elsewhere."""
        before = key.refusals
        key.told(REFUSED, 150.0, 100.0)
        key.accepted(before)
        assert key.is_parked(101.0)

    def test_is_usable_again(self, key: Credential) -> None:
        """As soon as another process was answered with it."""
        key.told(REFUSED, 150.0, 100.0)
        key.told_usable()
        assert key.admit(101.0)


class TestBreaker:
    def fail(self, breaker: Breaker, now: float) -> BreakerState:
        ticket = breaker.admit(now, only_choice=False)
        assert ticket is not None
        breaker.failed(ticket, now)
        return breaker.state(now)

    @pytest.mark.parametrize(
        ("at", "state"),
        [(110.0, BreakerState.OPEN), (129.9, BreakerState.OPEN), (130.0, BreakerState.CLOSED)],
        ids=["warned", "just warned", "no more"],
    )
    def test_one_failure_is_enough(self, at: float, state: BreakerState) -> None:
        """While another process has given it up; afterwards it takes five."""
        breaker = Breaker(BreakerOptions(), lambda: 0.5)
        breaker.warn(130.0)
        assert breaker.state(at) is BreakerState.CLOSED
        assert self.fail(breaker, at) is state

    def test_a_warning_is_no_failure(self) -> None:
        """It neither opens nor counts."""
        breaker = Breaker(BreakerOptions(), lambda: 0.5)
        for _ in range(100):
            breaker.warn(130.0)
        breaker.warn(100.0)
        assert [self.fail(breaker, 110.0) for _ in range(4)] == [BreakerState.CLOSED] * 4

    def test_an_open_one_stays_as_it_is(self) -> None:
        """Its own time decides when it tries again."""
        breaker = Breaker(BreakerOptions(), lambda: 0.0)
        for _ in range(5):
            self.fail(breaker, 100.0)
        retry_at = breaker.retry_at(100.0, only_choice=False)
        breaker.warn(200.0)
        assert breaker.retry_at(100.0, only_choice=False) == retry_at
