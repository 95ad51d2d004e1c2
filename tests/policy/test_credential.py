"""A refused credential is left alone, tried by one request, and unparked by a success."""

from collections.abc import Callable

import pytest

from halfopen.model import Fault, Kind
from halfopen.policy import Credential, ParkingOptions

OPTIONS = ParkingOptions(key_s=60.0, quota_s=30.0)


def parked(fault: Fault, now: float = 0.0) -> Credential:
    credential = Credential(OPTIONS)
    credential.refused(fault, now)
    return credential


def test_starts_usable() -> None:
    """A new credential lets every call go."""
    credential = Credential(OPTIONS)
    assert not credential.is_parked(0.0)
    assert [credential.admit(0.0) for _ in range(3)] == [True] * 3


@pytest.mark.parametrize(
    ("kind", "delay_s", "park_s"),
    [
        (Kind.BAD_KEY, None, 60.0),
        (Kind.FORBIDDEN, None, 60.0),
        (Kind.QUOTA_EXHAUSTED, None, 30.0),
        (Kind.QUOTA_EXHAUSTED, 10.0, 30.0),
        (Kind.QUOTA_EXHAUSTED, 45.0, 45.0),
        (Kind.BAD_KEY, 90.0, 90.0),
        (Kind.QUOTA_EXHAUSTED, 86_400.0, 300.0),
    ],
    ids=["key", "forbidden", "quota", "server-shorter", "server-longer", "key-server-longer", "day"],
)
def test_parks_for_its_time_or_the_servers_if_longer(
    fault: Callable[..., Fault], kind: Kind, delay_s: float | None, park_s: float
) -> None:
    """No call goes before the time is over, and one goes exactly then."""
    credential = parked(fault(kind, delay_s=delay_s), 100.0)
    assert credential.is_parked(100.0 + park_s - 0.001)
    assert not credential.admit(100.0 + park_s - 0.001)
    assert not credential.is_parked(100.0 + park_s)
    assert credential.admit(100.0 + park_s)


def test_one_request_tries_a_parked_credential(fault: Callable[..., Fault]) -> None:
    """When the time is over one request goes; the others wait another parking time at most."""
    credential = parked(fault(Kind.BAD_KEY))
    admitted = [now for now in range(0, 301, 10) for _ in range(5) if credential.admit(float(now))]
    assert admitted == [60, 120, 180, 240, 300]


def test_a_success_unparks(fault: Callable[..., Fault]) -> None:
    """What was answered works."""
    credential = parked(fault(Kind.BAD_KEY))
    assert credential.admit(60.0)
    credential.accepted(1)
    assert credential.fault is None
    assert all(credential.admit(61.0) for _ in range(5))


def test_the_success_of_an_older_call_proves_nothing(fault: Callable[..., Fault]) -> None:
    """A call that went out before the refusal does not unpark."""
    credential = parked(fault(Kind.BAD_KEY))
    credential.accepted(0)
    assert credential.is_parked(1.0)


def test_a_later_refusal_never_shortens_the_parking(fault: Callable[..., Fault]) -> None:
    """Of two refusals the longer wait holds."""
    credential = parked(fault(Kind.QUOTA_EXHAUSTED, delay_s=200.0))
    credential.refused(fault(Kind.QUOTA_EXHAUSTED), 1.0)
    assert credential.parked_until == 200.0


def test_a_refused_trial_parks_again(fault: Callable[..., Fault]) -> None:
    """The trial's own refusal starts the next interval."""
    credential = parked(fault(Kind.BAD_KEY))
    assert credential.admit(70.0)
    credential.refused(fault(Kind.BAD_KEY), 71.0)
    assert not credential.admit(130.9)
    assert credential.admit(131.0)


def test_only_what_went_out_after_the_last_refusal_counts(fault: Callable[..., Fault]) -> None:
    """A call from between two refusals proves nothing about the key now."""
    credential = parked(fault(Kind.BAD_KEY))
    between = credential.refusals
    credential.refused(fault(Kind.BAD_KEY), 10.0)
    credential.accepted(between)
    assert credential.is_parked(11.0)
    credential.accepted(credential.refusals)
    assert not credential.is_parked(11.0)
