"""What is shown of each of the last minutes, worked out again only when its counts have changed."""

from collections.abc import Sequence
from typing import Final

import msgspec

from halfopen.signals.fold import DURATION, MINUTE_S
from halfopen.signals.health import Minute
from halfopen.signals.overview import Series
from halfopen.signals.tally import Tallies, Tally, tallies_of, usd
from halfopen.signals.windows import KEPT_S, Windows

WHOLE_S: Final = 600
"""Of minutes that are younger everything is kept, of older ones only what a chart shows."""


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """One minute."""

    minute: Minute
    answered: int
    """By the first choice."""
    rescued: int
    failed: int
    gone: int
    p50_ms: float | None
    p95_ms: float | None
    cost_usd: float
    wasted_usd: float


class Digests:
    """Those of the minutes that `Windows` keeps."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._seen: dict[int, int] = {}
        self._digests: dict[int, Digest] = {}
        self._tallies: dict[int, Tallies] = {}

    def follow(self, windows: Windows) -> None:
        """Work out those of minutes that have changed."""
        young = max(windows.minutes, default=0) - WHOLE_S
        for start_s, sums in windows.minutes.items():
            version = windows.versions[start_s]
            is_missing = start_s > young and start_s not in self._tallies
            if self._seen.get(start_s) != version or is_missing:
                self._seen[start_s] = version
                tallies = tallies_of(sums)
                self._digests[start_s] = digest_of(start_s, tallies.all)
                if start_s > young:
                    self._tallies[start_s] = tallies
        for start_s in [start_s for start_s in self._digests if start_s not in windows.minutes]:
            del self._digests[start_s], self._seen[start_s]
        for start_s in [each for each in self._tallies if each <= young or each not in windows.minutes]:
            del self._tallies[start_s]

    def tallies(self, since_s: float) -> list[Tallies]:
        """Those of minutes that begin then or later, `WHOLE_S` ago at most."""
        return [self._tallies[start_s] for start_s in sorted(self._tallies) if start_s >= since_s]

    def minutes(self) -> Sequence[Minute]:
        """Those in which there were requests, in order."""
        return [self._digests[start_s].minute for start_s in sorted(self._digests)]

    def series(self, now_s: float) -> Series:
        """From the first minute that is known until now, three hours at most."""
        latest = int(now_s // MINUTE_S) * MINUTE_S
        known = [start_s for start_s in self._digests if latest - KEPT_S < start_s <= latest]
        starts = list(range(min(known, default=latest), latest + MINUTE_S, MINUTE_S))
        none = digest_of(0, Tally())
        digests = [self._digests.get(start_s, none) for start_s in starts]
        return Series(
            start_s=starts,
            answered=[each.answered for each in digests],
            rescued=[each.rescued for each in digests],
            failed=[each.failed for each in digests],
            gone=[each.gone for each in digests],
            p50_ms=[each.p50_ms for each in digests],
            p95_ms=[each.p95_ms for each in digests],
            cost_usd=[each.cost_usd for each in digests],
            wasted_usd=[each.wasted_usd for each in digests],
        )


def digest_of(start_s: int, tally: Tally) -> Digest:
    """What is shown of one minute, of all its requests."""
    return Digest(
        minute=Minute(start_s, tally.telling, tally.hurt, tally.rescued),
        answered=tally.answered - tally.rescued,
        rescued=tally.rescued,
        failed=tally.failed,
        gone=tally.gone,
        p50_ms=tally.milliseconds(DURATION, 0.5),
        p95_ms=tally.milliseconds(DURATION, 0.95),
        cost_usd=usd(tally.cost_nusd),
        wasted_usd=usd(tally.wasted_nusd),
    )
