"""A credential at a target."""

from halfopen.model import Demand
from halfopen.policy import Credential
from halfopen.policy.account import Account, Refusal
from halfopen.policy.options import PacerOptions, ParkingOptions


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
