"""Kinds of load: the upstream is there but takes no more now."""

from collections.abc import Mapping

from halfopen.errors.row import Row
from halfopen.model import Kind, Place, Verdict

LOAD: Mapping[Kind, Row] = {
    Kind.RATE_LIMITED: Row(
        Verdict.THROTTLE,
        Place.PROVIDER,
        (429,),
        "The account sends more requests or tokens a minute than its rate limit allows.",
        "Wait for the delay; if it recurs, lower concurrency or max_tokens, spread the load over more "
        "targets, or ask the provider for a higher limit.",
    ),
    Kind.SLOW_DOWN: Row(
        Verdict.THROTTLE,
        Place.PROVIDER,
        (429, 503),
        "The provider asks for a slower rise in traffic.",
        "Go back to the earlier rate for 15 minutes, then raise it in small steps.",
    ),
    Kind.OVERLOADED: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (503, 529),
        "The provider has no free capacity.",
        "Let other targets carry the load; if it lasts for minutes, look at the provider's status page.",
    ),
    Kind.MODEL_LOADING: Row(
        Verdict.RETRY,
        Place.PROVIDER,
        (503,),
        "The server is still loading the model.",
        "Wait until the server reports that it is ready; keep the model loaded if that happens often.",
    ),
}
