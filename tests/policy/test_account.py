"""A credential at a target."""

from halfopen import errors
from halfopen.model import Demand, Kind
from halfopen.policy import Credential
from halfopen.policy.account import Account
from halfopen.policy.options import PacerOptions, ParkingOptions
from halfopen.policy.refusal import Refusal, Refused


def test_paced_for_a_moment_is_usable_soon() -> None:
    """A target that is paced for less than a second still counts as another choice; for longer it does not."""
    demand = Demand()
    for per_minute, soon in ((600.0, True), (6.0, False)):
        account = Account(Credential(ParkingOptions()), PacerOptions(requests_per_minute=per_minute))
        while account.refusal(demand, 0.0) is None:
            account.pacer.reserve(demand, 0.0)
        refused = account.refusal(demand, 0.0)
        assert refused is not None
        assert refused.reason is Refusal.PACED
        assert account.is_usable_soon(demand, 0.0) is soon


def test_when_it_may_be_used_again() -> None:
    """The later of its parking and its pause; a parking that is over holds nothing up."""
    credential = Credential(ParkingOptions(key_s=60.0))
    account = Account(credential, PacerOptions())
    assert account.retry_at(5.0) == 5.0
    account.throttle(errors.make(Kind.RATE_LIMITED, delay_s=20.0), 5.0)
    assert account.retry_at(5.0) == 25.0
    credential.refused(errors.make(Kind.BAD_KEY), 5.0)
    assert account.retry_at(6.0) == 65.0
    assert account.retry_at(70.0) == 70.0
    assert account.refusal(Demand(), 6.0) == Refused(Refusal.PARKED, 65.0)
    credential.accepted(1)
    assert account.retry_at(6.0) == 25.0
    assert account.refusal(Demand(), 6.0) == Refused(Refusal.THROTTLED, 25.0)
    assert account.refusal(Demand(), 25.0) is None


def test_a_large_request_may_have_to_wait_longer() -> None:
    """Whether a paced credential is usable soon depends on what is asked."""
    account = Account(Credential(ParkingOptions()), PacerOptions(tokens_per_minute=600.0))
    account.pacer.reserve(Demand(input_tokens=600), 0.0)
    assert account.is_usable_soon(Demand(input_tokens=5), 0.0)
    assert not account.is_usable_soon(Demand(input_tokens=500), 0.0)
