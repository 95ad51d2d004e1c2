"""A fault: an error as a value."""

from dataclasses import dataclass, field

from halfopen.model.kind import Kind
from halfopen.model.verdict import Place, Verdict


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one attempt failed, or why a request did.

    Made by `halfopen.errors` only, so that kind, verdict, place and remedy always agree. Message,
    evidence and body are as the upstream sent them: `redact.fault()` masks secrets before a fault is
    logged, stored or shown.
    """

    kind: Kind
    verdict: Verdict
    place: Place
    message: str
    """The provider's own words when it said any, else ours."""
    remedy: str
    """What a person can do about it; one or two sentences."""
    status: int | None = None
    """The HTTP status that the upstream sent, if it sent one."""
    effective_status: int | None = None
    """The status that the fault deserves: 401 for a bad key that came as a 500."""
    type: str | None = None
    """The provider's own error type, verbatim."""
    code: str | None = None
    """The provider's own error code, verbatim."""
    param: str | None = None
    """The request field that the provider blames."""
    delay_s: float | None = None
    """Seconds that the server asked us to wait; finite and not negative."""
    evidence: tuple[str, ...] = ()
    """The facts that led to the kind, most telling first."""
    request_id: str | None = None
    """The provider's id of the failed request, for its support."""
    retries_max: int | None = None
    """How often this fault may be retried on the same upstream; None: no limit of its own."""
    body: bytes = field(default=b"", repr=False)
    """The upstream's body as it came, at most 64 KiB, for a caller who must see it."""

    @property
    def masked(self) -> bool:
        """Whether the status hides what happened: a 401 inside a 500, an error in a 200."""
        return (
            self.status is not None
            and self.effective_status is not None
            and self.status != self.effective_status
        )
