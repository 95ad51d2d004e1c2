"""Invariant 12: the classifier is total over arbitrary bytes, status and headers; odd delays are safe.

A schedule is one generated reply, mostly like a real one, and spoiled. It is decoded as a reply and as an
event of a stream, and a target that others share is told of the fault.

What holds
1. Nothing is raised, and the same reply gives the same fault again.
2. A fault is legal: its kind, verdict and place are members, its words are there, its status is 4xx or
   5xx, its evidence and its body are bounded. There is none exactly when a 2xx shows no error.
3. A delay is none, or finite, not negative and at most a day: whatever a header or a `RetryInfo` says,
   also with NaN, infinity, a negative number, a date, a past date or an overflow.
4. What is asked plainly is heeded: whole seconds in `retry-after`, and a date against the time of day.
5. A target that is told of the fault is closed for a finite time only.
"""

import json
import math
import random
import sys
from email.utils import formatdate
from typing import Final

from classifier_reply import Case, case_of
from outcome import Outcome
from outcome_loop import main

from halfopen import errors
from halfopen.model import Fault, Kind, Place, Reply, Target, Verdict
from halfopen.policy import Credential, PolicyOptions, TargetState
from halfopen.policy.options import ParkingOptions
from halfopen.policy.target import Permit
from halfopen.providers.rate_limits import rate_limits

INVARIANTS: Final = (12,)
TITLE: Final = "the classifier is total, and odd delays are safe"
_EVIDENCE_MAX: Final = 8
_DAY_S: Final = 86_400.0
_LEFT_ALONE_S: Final = 2 * _DAY_S
_NOW: Final = 1000.0


def illegal(fault: Fault) -> str | None:
    """What no fault may be; None: it is legal."""
    if fault.kind not in set(Kind) or fault.verdict not in set(Verdict) or fault.place not in set(Place):
        return f"kind {fault.kind!r}, verdict {fault.verdict!r} or place {fault.place!r} is none"
    delay_s = fault.delay_s
    if delay_s is not None and not (math.isfinite(delay_s) and 0 <= delay_s <= _DAY_S):
        return f"a delay of {delay_s!r} s"
    if not fault.message or not fault.remedy:
        return "no message or no remedy"
    effective = fault.effective_status
    if effective is None or not 400 <= effective <= 599:
        return f"effective status {effective!r}"
    if not 1 <= len(fault.evidence) <= _EVIDENCE_MAX or not all(fault.evidence):
        return f"evidence {fault.evidence!r}"
    if len(fault.body) > errors.BODY_MAX_BYTES:
        return f"a body of {len(fault.body)} bytes"
    if fault.retries_max is not None and fault.retries_max < 0:
        return f"{fault.retries_max} retries at most"
    words = (fault.type, fault.code, fault.param, fault.request_id)
    if not all(word is None or isinstance(word, str) for word in words):
        return f"words that are none: {words!r}"
    return None


def _told(fault: Fault) -> str | None:
    """Whether a target that is told of the fault opens again."""
    state = TargetState(
        Target("p", "m", "openai"), Credential(ParkingOptions()), PolicyOptions(), lambda: 0.5, _NOW
    )
    permit = state.admit(_NOW, only_choice=True)
    assert isinstance(permit, Permit)
    state.settle_fault(permit, fault, _NOW)
    again_s = state.retry_at(_NOW) - _NOW
    if not (math.isfinite(again_s) and 0 <= again_s <= _LEFT_ALONE_S):
        return f"the target is left alone for {again_s!r} s"
    return None


def is_good(reply: Reply) -> bool:
    """Whether its status is 2xx and its connection held."""
    return reply.transport is None and reply.status is not None and 200 <= reply.status <= 299


def problem_of(case: Case) -> str | None:
    """What is wrong with how a case is judged."""
    reply = case.reply
    fault = errors.decode(reply, case.wall_s)
    if errors.decode(reply, case.wall_s) != fault:
        return "not the same fault the second time"
    if fault is None:
        if not is_good(reply):
            return "no fault, although it is no good reply"
    else:
        wrong = illegal(fault) or _told(fault)
        if wrong is not None:
            return wrong
        if fault.status != reply.status:
            return f"the fault has the status {fault.status}"
    event = errors.decode_event(reply.body, case.event, reply.dialect)
    if event is not None and (wrong := illegal(event)) is not None:
        return f"as an event: {wrong}"
    if case.event == "error" and event is None:
        return "an error event is no fault"
    return _delays(case)


def _delays(case: Case) -> str | None:
    headers = {name.lower(): value for name, value in case.reply.headers}
    waits = {
        "retry_after": errors.retry_after(headers, case.wall_s),
        "rate_limit_reset": errors.rate_limit_reset(headers, case.wall_s),
    }
    for name, delay_s in waits.items():
        if delay_s is not None and not (math.isfinite(delay_s) and 0 <= delay_s <= _DAY_S):
            return f"{name} is {delay_s!r}"
    wall_s = case.wall_s if case.wall_s is not None and math.isfinite(case.wall_s) else 0.0
    for dialect in ("openai", "anthropic", "gemini"):
        for limit in rate_limits(case.reply.headers, dialect, wall_s):
            numbers = (limit.limit, limit.remaining, limit.reset_s)
            if not all(number is None or (math.isfinite(number) and number >= 0) for number in numbers):
                return f"a rate limit of {limit}"
    return None


def heeded(rng: random.Random) -> tuple[Reply, float, float]:
    """A reply that asks plainly for a delay: the reply, the time of day, and the delay in seconds."""
    seconds = rng.choice((0, 1, rng.randrange(300), rng.randrange(86_400)))
    wall_s = float(rng.randrange(1_600_000_000, 4_000_000_000))
    status = rng.choice((429, 503, 500, 529))
    form = rng.randrange(5)
    if form == 0:
        headers = (("Retry-After", str(seconds)),)
    elif form == 1:
        headers = (("retry-after-ms", str(seconds * 1000)),)
    elif form == 2:
        headers = (("retry-after", formatdate(wall_s + seconds, usegmt=True)),)
    elif form == 3:
        headers = (("retry-after", formatdate(wall_s - 1 - seconds, usegmt=True)),)
        seconds = 0
    else:
        info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
        error = {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "x", "details": [info]}
        body = json.dumps({"error": error})
        return Reply(429, (), body.encode(), dialect="gemini"), wall_s, float(seconds)
    return (
        Reply(status, headers, b'{"error": {"message": "later", "type": "server_error"}}'),
        wall_s,
        float(seconds),
    )


def _not_heeded(rng: random.Random) -> str | None:
    reply, wall_s, seconds = heeded(rng)
    fault = errors.decode(reply, wall_s)
    if fault is None or fault.delay_s != seconds:
        seen = None if fault is None else fault.delay_s
        return f"{seconds} s were asked for and {seen!r} was read: {reply!r}"
    return None


def outcome_of(case: Case, rng: random.Random, seed: int) -> Outcome:
    """Judge how a case is judged."""
    try:
        violation = problem_of(case) or _not_heeded(rng)
    except Exception as problem:  # noqa: BLE001 - that anything is raised is the finding
        violation = f"{type(problem).__name__}: {str(problem)[:300]}"
    if violation is not None:
        violation = f"{violation}; {case}"
    return Outcome(seed, met=True, violation=violation, detail=_described(case))


def _described(case: Case) -> str:
    try:
        fault = errors.decode(case.reply, case.wall_s)
    except Exception as problem:  # noqa: BLE001 - as above
        return f"{case}\n{type(problem).__name__}"
    seen = (
        "no fault" if fault is None else f"{fault.kind} {fault.verdict} {fault.delay_s!r} {fault.evidence!r}"
    )
    return f"{case}\n{seen}"


def check(seed: int) -> Outcome:
    """One schedule, from its seed."""
    rng = random.Random(seed)
    return outcome_of(case_of(rng), rng, seed)


if __name__ == "__main__":
    sys.exit(main(check, TITLE, INVARIANTS))
