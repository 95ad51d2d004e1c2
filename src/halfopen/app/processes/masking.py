"""Masks secrets and personal data in the details of outcomes before they are stored.

Masking a fault takes a hundred times as long as storing a row. In an outage there are thousands a second,
and the time belongs to the workers: so it has a budget, and beyond it a row goes without its detail.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Final

import msgspec

from halfopen.app.processes.outcome_rows import outcome_of
from halfopen.model import Fault, Outcome
from halfopen.redact import Redactor
from halfopen.seams.outcome_store import DETAILED, Row, Rows

SHARE: Final = 0.1
"""Of the time of one core."""
BURST_S: Final = 0.5
"""As much may be spent at once after a quiet time."""
_MASKS_KEPT: Final = 1024
_KIND: Final = DETAILED.index("kind")
_GONE: Final = DETAILED.index("client_gone")
_ATTEMPTS: Final = DETAILED.index("attempts")
"""Numbers of columns of `DETAILED`."""


class Masking:
    """Used by one thread; `learn` by any."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """It leaves details of faults out until it has learned the secrets. `clock`: monotonic seconds."""
        self._clock = clock
        self._masks: _Masks | None = None
        self._credit_s = BURST_S
        self._looked_at = clock()
        self.left_out = 0
        """Rows whose detail was left out: no time for it, or it could not be read."""

    def learn(self, redactor: Redactor) -> None:
        """Mask with this one, which knows the configured secrets, from now on."""
        self._masks = _Masks(redactor)

    def masked(self, batch: Rows) -> Rows:
        """The rows with their details masked, or without."""
        if not batch.detailed:
            return batch
        now = self._clock()
        self._credit_s = min(self._credit_s + (now - self._looked_at) * SHARE, BURST_S)
        self._looked_at = now
        return Rows(batch.plain, [self._row(row) for row in batch.detailed])

    def _row(self, row: Row) -> Row:
        detail = row[-1]
        if not isinstance(detail, bytes):
            return row
        if row[_KIND] is None and not row[_GONE] and row[_ATTEMPTS] in (0, 1):
            return row  # answered by the only attempt: nothing in it failed
        try:
            outcome = outcome_of(detail)
        except msgspec.DecodeError:
            return self._without(row)
        if outcome.fault is None and all(attempt.fault is None for attempt in outcome.attempts):
            return row
        if self._masks is None or self._credit_s <= 0:
            return self._without(row)
        began = self._clock()
        detail = msgspec.msgpack.encode(self._masks.outcome(outcome))
        self._credit_s -= self._clock() - began
        return (*row[:-1], detail)

    def _without(self, row: Row) -> Row:
        self.left_out += 1
        return (*row[:-1], None)


class _Masks:
    """What one redactor makes of texts, remembered: the same upstream fails in the same words."""

    def __init__(self, redactor: Redactor) -> None:
        self._text: Callable[[str], str] = lru_cache(_MASKS_KEPT)(redactor.text)
        self._data: Callable[[bytes], bytes] = lru_cache(_MASKS_KEPT)(redactor.data)

    def outcome(self, outcome: Outcome) -> Outcome:
        """The outcome with every fault masked."""
        attempts = tuple(
            each if each.fault is None else msgspec.structs.replace(each, fault=self._fault(each.fault))
            for each in outcome.attempts
        )
        fault = None if outcome.fault is None else self._fault(outcome.fault)
        return msgspec.structs.replace(outcome, attempts=attempts, fault=fault)

    def _fault(self, fault: Fault) -> Fault:
        """As `Redactor.fault`."""
        text = self._text
        return replace(
            fault,
            message=text(fault.message),
            remedy=text(fault.remedy),
            type=None if fault.type is None else text(fault.type),
            code=None if fault.code is None else text(fault.code),
            param=None if fault.param is None else text(fault.param),
            evidence=tuple(map(text, fault.evidence)),
            request_id=None if fault.request_id is None else text(fault.request_id),
            body=self._data(fault.body),
        )
