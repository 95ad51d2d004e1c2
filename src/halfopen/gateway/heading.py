"""What the headers of every answer say of how it came about."""

from collections.abc import Iterable
from typing import Final

from halfopen.gateway.head import header_lines
from halfopen.gateway.runtime import Runtime
from halfopen.model import Target
from halfopen.policy import Journey

_ID_MAX_CHARS: Final = 200


def answer_headers(
    runtime: Runtime,
    journey: Journey,
    request_id: str,
    *,
    known_as: tuple[str, str | None],
    adapted: Iterable[str],
) -> list[tuple[str, str]]:
    """The headers of an answer, whole or streamed.

    Args:
        runtime: The snapshot's runtime.
        journey: How the request went, so far.
        request_id: Ours.
        known_as: The header in which the client looks for an id, and the upstream's own, if there is one.
        adapted: What the target does not follow exactly.
    """
    target: Target | None = journey.current or journey.served_by
    headers = [
        *own_ids(request_id, known_as),
        ("x-halfopen-attempts", str(journey.attempts_made)),
        *runtime.surroundings.answer_headers,
    ]
    if known_as[1] is not None and runtime.holds_secret(known_as[1]):
        headers[:2] = own_ids(request_id, (known_as[0], None))
    if target is not None:
        headers.append(("x-halfopen-upstream", target.name))
        phrases = "; ".join(adapted)
        if phrases:
            headers.append(("x-halfopen-adapted", phrases))
    return headers


def answer_lines(
    runtime: Runtime,
    upstream: str,
    content_type: str,
    request_id: str,
    *,
    known_as: tuple[str, str | None],
    adapted: tuple[str, ...],
) -> bytes:
    """The header lines of a whole answer that the first attempt brought.

    They say the same as `answer_headers`; most of them are made once for each upstream.

    Args:
        runtime: The snapshot's runtime.
        upstream: The name of the target that answered.
        content_type: The answer's.
        request_id: Ours.
        known_as: The header in which the client looks for an id, and the upstream's own, if there is one.
        adapted: What the target did not follow exactly.
    """
    tail = runtime.answer_tails.get(upstream)
    if tail is None:
        fixed = [("x-halfopen-attempts", "1"), *runtime.surroundings.answer_headers]
        tail = header_lines([*fixed, ("x-halfopen-upstream", upstream)])
        runtime.answer_tails[upstream] = tail
    name, upstream_id = known_as
    shown = request_id
    if upstream_id and not runtime.holds_secret(upstream_id):
        shown = upstream_id[:_ID_MAX_CHARS]
    lines = f"content-type: {content_type}\r\nx-halfopen-request-id: {request_id}\r\n"
    if shown.isprintable():
        lines = f"{lines}{name}: {shown}\r\n{tail}"
    else:
        lines = f"{lines}{header_lines([(name, shown)])}{tail}"
    if adapted:
        lines += header_lines([("x-halfopen-adapted", "; ".join(adapted))])
    return lines.encode("latin-1", "replace")


def own_ids(request_id: str, known_as: tuple[str, str | None]) -> list[tuple[str, str]]:
    """Our id of the request, and the one that the official client shows: the upstream's, or ours again.

    Args:
        request_id: Ours.
        known_as: The header in which the client looks for an id, and the upstream's own, if there is one.
    """
    shown = known_as[1] or request_id
    return [("x-halfopen-request-id", request_id), (known_as[0], shown[:_ID_MAX_CHARS])]
