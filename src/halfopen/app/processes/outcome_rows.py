"""Outcomes as rows: what a worker sends, and control stores without making objects of it.

The columns are those of `seams.outcome_store`. An outcome is plain when its first call was answered
whole, and its client traces nothing. Of every other one, `detail` is the whole outcome in MessagePack,
with what an upstream wrote cut to a bound. It is not masked yet: `masking` does that in control, which
has the time.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

import msgspec

from halfopen.model import Fault, Outcome, Skip
from halfopen.seams.outcome_store import Context, Sent, SentDetailed, SentPlain

BODY_MAX_BYTES: Final = 2048
"""Of the body that an upstream sent with a fault."""
TEXT_MAX_CHARS: Final = 1000
"""Of a message, and of each fact of the evidence."""
FACTS_MAX: Final = 8
TOKENS_MAX: Final = 2**53
"""More is no count, whatever a provider says."""

_Key = tuple[str, str, str, str, int, str | None, str | None]
"""The values of a `Context`."""


def rows(outcomes: Iterable[Outcome], wall_offset_s: float) -> Sent:
    """Outcomes as rows.

    Args:
        outcomes: Requests that are over.
        wall_offset_s: What turns the clock of the outcomes into seconds since the Unix epoch.
    """
    groups: dict[_Key, list[SentPlain]] = {}
    detailed: list[SentDetailed] = []
    for each in outcomes:
        attempts = each.attempts
        usage = each.usage
        arrived = each.arrived
        ended = each.ended
        connected = byte = first = None
        queued = ended
        if attempts:
            last = attempts[-1]
            connected, byte, first = last.connected, last.first_byte, last.first_content
            queued = attempts[0].started
        skips = each.skips
        context = (
            each.route,
            each.client,
            each.caller,
            each.snapshot,
            1 if each.stream else 0,
            each.served_by,
            _told(skips) if skips else None,
        )
        row = (
            each.request_id,
            ended + wall_offset_s,
            (ended - arrived) * 1000.0,
            (queued - arrived) * 1000.0,
            None if connected is None else (connected - arrived) * 1000.0,
            None if byte is None else (byte - arrived) * 1000.0,
            None if first is None else (first - arrived) * 1000.0,
            None if usage is None or usage.input_tokens > TOKENS_MAX else usage.input_tokens,
            None if usage is None or usage.output_tokens > TOKENS_MAX else usage.output_tokens,
            None if usage is None or usage.cached_tokens > TOKENS_MAX else usage.cached_tokens,
            each.received_bytes,
            each.sent_bytes,
        )
        fault = each.fault
        more = each.continuations or each.client_gone or each.trace
        if fault is None and not more and len(attempts) == 1 and attempts[0].fault is None:
            group = groups.get(context)
            if group is None:
                groups[context] = [row]
            else:
                group.append(row)
            continue
        kind = None if fault is None else fault.kind.value
        gone = 1 if each.client_gone else 0
        detailed.append((*context, *row, kind, gone, len(attempts), _detail(each)))
    return Sent([(Context(*key), group) for key, group in groups.items()], detailed)


def _told(skips: tuple[Skip, ...]) -> str:
    if len(skips) == 1:
        return f"{skips[0].target}: {skips[0].reason}"[:TEXT_MAX_CHARS]
    return "; ".join([f"{skip.target}: {skip.reason}" for skip in skips])[:TEXT_MAX_CHARS]


def _detail(outcome: Outcome) -> bytes:
    if outcome.fault is None and len(outcome.attempts) == 1 and outcome.attempts[0].fault is None:
        return msgspec.msgpack.encode(outcome)  # most of what was rescued or traced: it has nothing to cut
    attempts = tuple(
        each if each.fault is None else msgspec.structs.replace(each, fault=cut(each.fault))
        for each in outcome.attempts
    )
    fault = outcome.fault
    lean = msgspec.structs.replace(outcome, attempts=attempts, fault=None if fault is None else cut(fault))
    return msgspec.msgpack.encode(lean)


def cut(fault: Fault) -> Fault:
    """The fault with what an upstream wrote cut to the bounds."""
    evidence = fault.evidence
    if (
        len(fault.body) <= BODY_MAX_BYTES
        and len(fault.message) <= TEXT_MAX_CHARS
        and len(evidence) <= FACTS_MAX
        and all(len(fact) <= TEXT_MAX_CHARS for fact in evidence)
    ):
        return fault
    return replace(
        fault,
        message=fault.message[:TEXT_MAX_CHARS],
        evidence=tuple(fact[:TEXT_MAX_CHARS] for fact in evidence[:FACTS_MAX]),
        body=fault.body[:BODY_MAX_BYTES],
    )


def outcome_of(detail: bytes) -> Outcome:
    """The outcome of a `detail`.

    Raises:
        msgspec.DecodeError: It is none, or of another version.
    """
    return msgspec.msgpack.decode(detail, type=Outcome)
