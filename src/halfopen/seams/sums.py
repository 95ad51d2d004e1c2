"""Counts of what happened in a stretch of time. All whole numbers, so that sums are exact in any order.

Each is kept by a key that begins with the time at which the stretch begins, and is added to, never replaced:
the counts of a batch of outcomes, of a minute, and of all time have the same form.
"""

from typing import Final

Key = tuple[int | str, ...]
"""The values of the columns of a key. `start_s` comes first: seconds since the Unix epoch."""
Counts = dict[Key, list[int]]

OK: Final = "ok"
GONE: Final = "client_gone"
CANCELLED: Final = "cancelled"

REQUEST_KEYS: Final = ("start_s", "route", "target", "caller", "result")
"""`target` is who served it, else who was asked last; empty: nobody was. `result` is `OK`, `GONE` or the
kind of the fault."""
REQUEST_COUNTS: Final = (
    "requests",
    "rescued",
    "streams",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "wasted_tokens",
    "cost_nusd",
    "wasted_nusd",
    "received_bytes",
    "sent_bytes",
    "duration_us",
    "first_content_us",
    "with_first_content",
    "invalid",
)
"""`rescued`: answered whole, though the first choice failed or could not be asked. `invalid`: the first
answer of an upstream was none, but cut or empty or an error in a 200. `wasted`: spent on
attempts whose answer nobody got. Money is in billionths of a US dollar, and `cost` includes the waste."""
ATTEMPT_KEYS: Final = ("start_s", "route", "target", "result")
"""`result` is `OK`, `CANCELLED` or the kind of the fault."""
ATTEMPT_COUNTS: Final = ("attempts", "duration_us", "input_tokens", "output_tokens", "cost_nusd")
SKIP_KEYS: Final = ("start_s", "route", "target", "reason")
SKIP_COUNTS: Final = ("skips",)
TIME_KEYS: Final = ("start_s", "route", "target", "measure", "bucket")
"""`bucket` is the number of one of `signals.sketch`, for whole answers only."""
TIME_COUNTS: Final = ("times",)

TABLES: Final = (
    ("request_sums", REQUEST_KEYS, REQUEST_COUNTS),
    ("attempt_sums", ATTEMPT_KEYS, ATTEMPT_COUNTS),
    ("skip_sums", SKIP_KEYS, SKIP_COUNTS),
    ("time_sums", TIME_KEYS, TIME_COUNTS),
)
"""The tables of a store that keep them: name, columns of the key, columns that are added to."""
ALL_TABLES: Final = tuple(name for name, _, _ in TABLES)


class Sums:
    """Counts by key, in the order of the columns above."""

    __slots__ = ("attempts", "requests", "skips", "times")

    def __init__(self) -> None:
        """Nothing has happened."""
        self.requests: Counts = {}
        self.attempts: Counts = {}
        self.skips: Counts = {}
        self.times: Counts = {}

    def __bool__(self) -> bool:
        return any(self.tables().values())

    def tables(self) -> dict[str, Counts]:
        """The counts by the name of their table."""
        return {
            "request_sums": self.requests,
            "attempt_sums": self.attempts,
            "skip_sums": self.skips,
            "time_sums": self.times,
        }

    def add(self, other: "Sums") -> None:
        """Add what happened elsewhere."""
        for mine, others in zip(self.tables().values(), other.tables().values(), strict=True):
            for key, counts in others.items():
                _add(mine, key, counts)

    def negated(self) -> "Sums":
        """What takes these counts back when it is added."""
        made = Sums()
        for mine, counts in zip(made.tables().values(), self.tables().values(), strict=True):
            mine.update({key: [-count for count in added] for key, added in counts.items()})
        return made

    def in_spans_of(self, span_s: int) -> "Sums":
        """The same counts, each in its stretch of `span_s` seconds; 0: all in that of all time."""
        made = Sums()
        for coarse, fine in zip(made.tables().values(), self.tables().values(), strict=True):
            for key, counts in fine.items():
                start_s = key[0]
                assert isinstance(start_s, int)
                _add(coarse, (start_s // span_s * span_s if span_s else 0, *key[1:]), counts)
        return made

    def by_start(self) -> dict[int, "Sums"]:
        """The counts of each stretch by itself."""
        made: dict[int, Sums] = {}
        for table, counts in self.tables().items():
            for key, added in counts.items():
                start_s = key[0]
                assert isinstance(start_s, int)
                one = made.setdefault(start_s, Sums())
                one.tables()[table][key] = added
        return made


def _add(mine: Counts, key: Key, counts: list[int]) -> None:
    known = mine.get(key)
    if known is None:
        mine[key] = list(counts)
    else:
        for place, count in enumerate(counts):
            known[place] += count
