"""Makes a fault from its kind and what is known of it."""

import math

from halfopen.errors.taxonomy import TAXONOMY
from halfopen.model import Fault, Kind, Place, Verdict

BODY_MAX_BYTES = 64 * 1024


def make(  # noqa: PLR0913 - every field of a fault that is not in the taxonomy, by name
    kind: Kind,
    message: str = "",
    *,
    status: int | None = None,
    effective_status: int | None = None,
    type: str | None = None,  # noqa: A002 - the field's name
    code: str | None = None,
    param: str | None = None,
    delay_s: float | None = None,
    evidence: tuple[str, ...] = (),
    request_id: str | None = None,
    retries_max: int | None = None,
    body: bytes = b"",
    verdict: Verdict | None = None,
    place: Place | None = None,
) -> Fault:
    """Make a fault. What is not given is filled in from the taxonomy.

    Message, evidence and body are kept as given: `redact.fault()` masks secrets where a fault
    leaves the process.

    Args:
        kind: What went wrong.
        message: The provider's own words; empty: the kind's meaning.
        status: The HTTP status that the upstream sent, if it sent one.
        effective_status: The status that the fault deserves; None: `status` when it says the kind
            plainly, else the kind's own.
        type: The provider's error type, verbatim.
        code: The provider's error code, verbatim.
        param: The request field that the provider blames.
        delay_s: Seconds that the server asked us to wait; dropped unless finite and not negative.
        evidence: The facts that led to the kind, most telling first.
        request_id: The provider's id of the request.
        retries_max: Retries on the same upstream; None: what the taxonomy says.
        body: The upstream's body; cut at 64 KiB.
        verdict: Overrides the kind's own where the evidence says more.
        place: Overrides the kind's own where the evidence says more.
    """
    row = TAXONOMY[kind]
    if effective_status is None:
        effective_status = status if status in row.statuses else row.effective_status
    if delay_s is not None and not (math.isfinite(delay_s) and delay_s >= 0):
        delay_s = None
    return Fault(
        kind=kind,
        verdict=row.verdict if verdict is None else verdict,
        place=row.place if place is None else place,
        message=message or row.meaning,
        remedy=row.remedy,
        status=status,
        effective_status=effective_status,
        type=type,
        code=code,
        param=param,
        delay_s=delay_s,
        evidence=evidence,
        request_id=request_id,
        retries_max=row.retries_max if retries_max is None else retries_max,
        body=body[:BODY_MAX_BYTES],
    )
