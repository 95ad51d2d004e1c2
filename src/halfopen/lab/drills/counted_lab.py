"""A simulated OpenAI that keeps count of what it was asked, and of the tokens that it told of."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from halfopen.lab.calls import LabCall
from halfopen.lab.exchange import LabAnswer, LabRequest
from halfopen.lab.openai.endpoint import OpenAI
from halfopen.lab.server import LabProvider
from halfopen.lab.steps import Step

_USAGE: Final = re.compile(rb'"usage":\{"prompt_tokens":(\d+),"completion_tokens":(\d+)')


class _Remembering(OpenAI):
    """Knows its last answer."""

    last: LabAnswer | None = None

    def answer(self, request: LabRequest, request_id: str, now: float) -> LabAnswer:
        self.last = super().answer(request, request_id, now)
        return self.last


@dataclass(frozen=True, slots=True)
class Told:
    """A call, and what its good answer tells of, if no fault spoils it."""

    call: LabCall
    status: int
    input_tokens: int
    output_tokens: int


class CountedLab(LabProvider):
    """One simulated OpenAI."""

    def __init__(self, *, pace_s: float) -> None:
        """`pace_s`: between two events of a stream."""
        super().__init__("openai", pace_s=pace_s, calls_max=1)
        self._answering = _Remembering()
        self.vendor = self._answering
        self.told: list[Told] = []

    def respond(
        self, request: LabRequest, requests_before: int
    ) -> tuple[LabCall | None, bytes | Iterator[Step]]:
        """As `LabProvider`."""
        call, sent = super().respond(request, requests_before)
        last = self._answering.last
        if call is not None and last is not None:
            data = last.body if last.pieces is None else b"".join(piece.data for piece in last.pieces)
            found = _USAGE.search(data)
            given, answered = (0, 0) if found is None else (int(found[1]), int(found[2]))
            self.told.append(Told(call, last.status, given, answered))
        return call, sent

    @property
    def counted(self) -> Counter[str]:
        """Calls that were not given up; whole good answers that nothing has spoiled, and their tokens."""
        made: Counter[str] = Counter()
        for each in self.told:
            call = each.call
            if call.client_left and not call.met:
                continue  # a call may be given up before it gets here, so that these can't be compared
            made["calls"] += 1
            # A fault that strikes late in a stream spoils no answer that is shorter.
            if each.status == 200 and not call.met and call.ended is not None:
                made["answers"] += 1
                made["input tokens"] += each.input_tokens
                made["output tokens"] += each.output_tokens
        return made
