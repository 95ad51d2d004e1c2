"""Kinds that the gateway itself decides."""

from collections.abc import Mapping

from halfopen.errors.row import Row
from halfopen.model import Kind, Place, Verdict

GATEWAY: Mapping[Kind, Row] = {
    Kind.NO_CAPACITY: Row(
        Verdict.FAILOVER,
        Place.GATEWAY,
        (503,),
        "Every slot to the target is taken, and the queue is full or too slow.",
        "Send fewer requests at once, or add targets; the limit rises again by itself when the upstream "
        "answers quickly.",
    ),
    Kind.KEY_NEEDED: Row(
        Verdict.KEY,
        Place.CLIENT,
        (401,),
        "The gateway lets in only who has one of its keys.",
        "Send a key of the gateway as the API key; `halfopen keys create NAME` makes one.",
    ),
    Kind.OVER_BUDGET: Row(
        Verdict.THROTTLE,
        Place.CLIENT,
        (429,),
        "The budget of this caller's gateway key is used up.",
        "Wait until the next window begins, or have the key's budget raised: `halfopen keys list` shows what "
        "is left.",
    ),
    Kind.DEADLINE_EXCEEDED: Row(
        Verdict.FAILOVER,
        Place.GATEWAY,
        (504,),
        "The request's deadline passed before any target answered.",
        "Look at the attempts to see where the time went; raise deadline_s if such answers honestly take "
        "longer.",
    ),
    Kind.GATEWAY_ERROR: Row(
        Verdict.RETRY,
        Place.GATEWAY,
        (500,),
        "The gateway itself failed.",
        "Retry, and report it with the request id and the gateway's log: this is a defect in Halfopen.",
        retries_max=1,
    ),
}
