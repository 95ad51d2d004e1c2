"""The right to make one call to a target."""

from halfopen.policy.breaker import Ticket
from halfopen.policy.pacer import Reservation


class Permit:
    """The right to make one call. Give it to `TargetState.settle_*` exactly once."""

    __slots__ = (
        "answered",
        "credential",
        "lost",
        "open",
        "own",
        "refusals",
        "reservation",
        "sent",
        "ticket",
        "tokens",
    )

    def __init__(
        self,
        ticket: Ticket,
        refusals: int,
        credential: int,
        own: bool,  # noqa: FBT001 - one a call: names would cost as much as all the rest
        tokens: int,
        sent: float,
    ) -> None:
        """Args say what is known when it is given."""
        self.ticket = ticket
        """The breaker's."""
        self.refusals = refusals
        """Those of the credential so far."""
        self.credential = credential
        """Its number at the target."""
        self.own = own
        """Whether the target is the request's first choice."""
        self.tokens = tokens
        """The request's, estimated."""
        self.reservation: Reservation | None = None
        """The pacer's."""
        self.sent = sent
        """When it was given, in monotonic seconds."""
        self.open = True
        """Until it is settled."""
        self.answered = False
        """Whether the first content has come."""
        self.lost = False
        """Whether it is given up for lost: it doesn't count against the limit."""
