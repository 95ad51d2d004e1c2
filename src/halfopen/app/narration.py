"""Tells the terminal what happened to requests, one line each, only when something did.

A request that its first target answered is not worth a line. Lines are bounded: what is more than
`LINES_MAX` a second is counted and told in one line.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from halfopen.model import Attempt, Outcome

LINES_MAX = 20
"""Lines a second."""


class Narration:
    """An outcome sink that writes to standard error."""

    def __init__(
        self,
        wall: Callable[[], float],
        *,
        as_json: bool = False,
        write: Callable[[str], object] = sys.stderr.write,
    ) -> None:
        """`wall` gives the time of day in seconds since the epoch."""
        self._wall = wall
        self._as_json = as_json
        self._write = write
        self._second = 0
        self._lines = 0
        self._left_out = 0

    def __call__(self, outcome: Outcome, /) -> None:
        """One request is over."""
        # Skips first: with a breaker open every request has one, and the rest need not be looked at.
        if (
            not outcome.skips
            and outcome.fault is None
            and not outcome.client_gone
            and len(outcome.attempts) == 1
        ):
            return
        now = self._wall()
        if int(now) != self._second:
            if self._left_out:
                self._write(f"… and {self._left_out} more\n")
            self._second, self._lines, self._left_out = int(now), 0, 0
        if self._lines >= LINES_MAX:
            self._left_out += 1
            return
        self._lines += 1
        self._write((_as_json(outcome, now) if self._as_json else _as_text(outcome, now)) + "\n")


def _verdict(outcome: Outcome) -> str:
    if outcome.client_gone:
        return "client left"
    return "rescued" if outcome.fault is None else "FAILED"


def _as_text(outcome: Outcome, now: float) -> str:
    time = datetime.fromtimestamp(now, UTC).strftime("%H:%M:%S")
    steps = [f"{skip.target} skipped ({skip.reason})" for skip in outcome.skips]
    steps += [_attempt(attempt) for attempt in outcome.attempts]
    steps += [
        f"{each.target} went on after {each.chars} characters ({each.after})"
        for each in outcome.continuations
    ]
    spent_s = outcome.ended - outcome.arrived
    return (
        f"{time}Z {_verdict(outcome)} {outcome.route} in {spent_s:.2f} s: {' → '.join(steps) or 'no target'}"
        f" [{outcome.request_id}]"
    )


def _attempt(attempt: Attempt) -> str:
    if attempt.fault is None:
        return f"{attempt.target} {'cancelled' if attempt.cancelled else 'answered'}"
    status = f"{attempt.status} " if attempt.status else ""
    return f"{attempt.target} {status}{attempt.fault.kind.value}"


def _as_json(outcome: Outcome, now: float) -> str:
    return json.dumps(
        {
            "time": round(now, 3),
            "what": _verdict(outcome),
            "client": outcome.client,
            "route": outcome.route,
            "request_id": outcome.request_id,
            "spent_s": round(outcome.ended - outcome.arrived, 3),
            "served_by": outcome.served_by,
            "kind": outcome.fault.kind.value if outcome.fault else None,
            "attempts": [
                {
                    "target": attempt.target,
                    "status": attempt.status,
                    "kind": attempt.fault.kind.value if attempt.fault else None,
                }
                for attempt in outcome.attempts
            ],
            "skipped": [{"target": skip.target, "reason": skip.reason} for skip in outcome.skips],
            "continuations": [
                {"target": each.target, "after": each.after, "chars": each.chars}
                for each in outcome.continuations
            ],
        }
    )
