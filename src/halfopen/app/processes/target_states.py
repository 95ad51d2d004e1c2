"""What a worker tells of its targets: breakers, limits, who waits, and which keys it leaves alone."""

from halfopen.app.processes.messages import Known, States
from halfopen.app.processes.news import keys_of
from halfopen.gateway.runtime import Runtime
from halfopen.model import Dimension
from halfopen.policy import TargetState


def target_states(runtime: Runtime, now: float) -> States:
    """All targets of the snapshot that is served. `now`: monotonic seconds."""
    return States([_known(runtime, name, each.state, now) for name, each in runtime.known.items()])


def _known(runtime: Runtime, name: str, state: TargetState, now: float) -> Known:
    limiter, fault = state.limiter, state.last_fault
    requests = _left(state, (Dimension.REQUESTS,), now)
    tokens = _left(state, (Dimension.TOKENS, Dimension.INPUT_TOKENS), now)
    return Known(
        target=name,
        breaker=state.breaker.state(now).value,
        last_fault="" if fault is None else fault.kind.value,
        in_flight=limiter.in_flight,
        limit=limiter.limit,
        waiting=sum(len(line) for line in runtime.waiting_lines.by_target.get(name, ())),
        throttled_s=max(state.throttled_until - now, 0.0),
        parked=_parked(runtime, state, now),
        requests_left=requests[0],
        requests_max=requests[1],
        tokens_left=tokens[0],
        tokens_max=tokens[1],
    )


def _parked(runtime: Runtime, state: TargetState, now: float) -> dict[str, str]:
    references = keys_of(runtime, state.target.provider)
    credentials = [account.credential for account in state.accounts]
    return {
        reference: credential.fault.kind.value
        for reference, credential in zip(references, credentials, strict=True)
        if credential.fault is not None and credential.is_parked(now)
    }


def _left(
    state: TargetState, dimensions: tuple[Dimension, ...], now: float
) -> tuple[float | None, float | None]:
    """What is left of this process's part of a rate limit, and all of that part, over all keys.

    Of several limits it is the one of which the smallest part is left; None: no limit is known.
    """
    left = most = None
    for account in state.accounts:
        rooms = [room for room in account.pacer.rooms(now) if room.dimension in dimensions]
        if rooms:
            least = min(rooms, key=lambda room: room.left / room.limit)
            left, most = (left or 0.0) + least.left, (most or 0.0) + least.limit
    return left, most
