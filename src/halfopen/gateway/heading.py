"""What the headers of every answer say of how it came about."""

from collections.abc import Iterable

from halfopen.gateway.runtime import Runtime
from halfopen.model import Target
from halfopen.policy import Journey

_ID_MAX_CHARS = 200


def answer_headers(
    runtime: Runtime,
    journey: Journey,
    request_id: str,
    *,
    upstream_id: tuple[str, str] | None,
    adapted: Iterable[str],
) -> list[tuple[str, str]]:
    """The headers of an answer, whole or streamed.

    Args:
        runtime: The snapshot's runtime.
        journey: How the request went, so far.
        request_id: Ours.
        upstream_id: The upstream's own id and the header in which the client looks for it.
        adapted: What the target does not follow exactly.
    """
    target: Target | None = journey.current or journey.served_by
    headers = [
        own_id(request_id),
        ("x-halfopen-attempts", str(journey.attempts_made)),
        *runtime.surroundings.answer_headers,
    ]
    if target is not None:
        headers.append(("x-halfopen-upstream", target.name))
        phrases = "; ".join(adapted)
        if phrases:
            headers.append(("x-halfopen-adapted", phrases))
    if upstream_id is not None and not runtime.holds_secret(upstream_id[1]):
        headers.append((upstream_id[0], upstream_id[1][:_ID_MAX_CHARS]))
    return headers


def own_id(request_id: str) -> tuple[str, str]:
    """The header with our own id of the request."""
    return "x-halfopen-request-id", request_id
