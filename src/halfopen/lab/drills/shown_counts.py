"""The counts that a gateway shows, each read by a reader of its own: none of the gateway's code is used.

`ledger` reads the SQLite file, `metrics` the text of Prometheus with Prometheus's own parser, `overview` the
dashboard's JSON and `page` what stands on the dashboard's page.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from halfopen.lab.drills.agreement import MINUTE_S, View
from halfopen.lab.drills.tally import GONE, OK, Key

_RESULT: Final = f"CASE WHEN client_gone THEN '{GONE}' ELSE coalesce(kind, '{OK}') END"
_ROWS: Final = (
    ("requests", f"route, caller, {_RESULT}", "count(*)", "1"),
    ("requests of a route", f"route, {_RESULT}", "count(*)", "1"),
    ("answered", "route, served_by", "count(*)", f"{_RESULT} = '{OK}'"),
    ("rescued", "route, caller", "count(*)", "rescued"),
    ("streams", "route, caller", "count(*)", "stream"),
    ("input tokens", "route, caller", "sum(input_tokens)", f"{_RESULT} = '{OK}'"),
    ("output tokens", "route, caller", "sum(output_tokens)", f"{_RESULT} = '{OK}'"),
    ("received bytes", f"route, {_RESULT}", "sum(received_bytes)", "1"),
    ("sent bytes", f"route, {_RESULT}", "sum(sent_bytes)", "NOT client_gone"),
)
_SUMS: Final = (
    ("requests", "route, caller, result", "requests", "1"),
    ("answered", "route, target", "requests", f"result = '{OK}'"),
    ("rescued", "route, caller", "rescued", "1"),
    ("streams", "route, caller", "streams", "1"),
    ("input tokens", "route, caller", "input_tokens", f"result = '{OK}'"),
    ("output tokens", "route, caller", "output_tokens", f"result = '{OK}'"),
    ("received bytes", "route, result", "received_bytes", "1"),
    ("sent bytes", "route, result", "sent_bytes", f"result != '{GONE}'"),
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the SQLite file says."""

    rows: View
    ever: View
    """Its counts of all time."""
    minutes: View
    """Its counts by minute, added up."""
    rows_by_minute: Counter[Key]
    sums_by_minute: Counter[Key]
    ended: Mapping[str, list[float]]
    """By id of the request, when it ended."""
    known: Counter[Key]
    """Counts of all time that no client can know, as `/metrics` tells them."""
    spent: Counter[Key]
    """Tokens of whole answers, by target."""
    lost: int


def ledger(path: Path) -> Ledger:
    """Read it, as it is at one moment."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as db:
        db.execute("BEGIN")
        ended: dict[str, list[float]] = {}
        for request_id, end in db.execute("SELECT request_id, ended_wall_s FROM outcomes"):
            ended.setdefault(request_id, []).append(end)
        minute = f"CAST(ended_wall_s / {MINUTE_S} AS INTEGER) * {MINUTE_S}"
        (lost,) = db.execute("SELECT value FROM totals WHERE name = 'lost'").fetchone()
        return Ledger(
            rows=View("ledger, rows", _rows(db, "outcomes", _ROWS), tuple(name for name, *_ in _ROWS)),
            ever=_sums(db, "ledger, sums of all time", 0),
            minutes=_sums(db, "ledger, sums of minutes", MINUTE_S),
            rows_by_minute=_rows(db, "outcomes", _by_minute(minute, "count(*)", "rescued", _RESULT)),
            sums_by_minute=_rows(
                db,
                f"request_sums WHERE span_s = {MINUTE_S}",
                _by_minute("start_s", "sum(requests)", "rescued", "result"),
            ),
            ended=ended,
            known=_known(db, _KNOWN),
            spent=_known(db, _SPENT),
            lost=int(lost),
        )


def _sums(db: sqlite3.Connection, name: str, span_s: int) -> View:
    shapes = [(name, keys, f"sum({column})", where) for name, keys, column, where in _SUMS]
    return View(
        name, _rows(db, f"request_sums WHERE span_s = {span_s}", shapes), tuple(each[0] for each in _SUMS)
    )


def _by_minute(minute: str, count: str, rescued: str, result: str) -> list[tuple[str, str, str, str]]:
    return [
        ("by minute", f"{minute}, {result}", count, "1"),
        ("rescued by minute", minute, f"sum({rescued})", "1"),
    ]


def _rows(db: sqlite3.Connection, source: str, shapes: Iterable[tuple[str, str, str, str]]) -> Counter[Key]:
    made: Counter[Key] = Counter()
    joint = "AND" if "WHERE" in source else "WHERE"
    for name, keys, count, where in shapes:
        # All of it is written here.
        query = f"SELECT {keys}, {count} FROM {source} {joint} ({where}) GROUP BY {keys}"  # noqa: S608 - no input in it
        for *values, found in db.execute(query):
            made[(name, *map(str, values))] += int(found or 0)
    return made


_KNOWN: Final = (
    ("attempts", "route, target, result", "sum(attempts)", "attempt_sums WHERE span_s = 0"),
    ("skips", "route, target, reason", "sum(skips)", "skip_sums WHERE span_s = 0"),
    ("tokens in", "route, target", "sum(input_tokens)", "request_sums WHERE span_s = 0"),
    ("tokens out", "route, target", "sum(output_tokens)", "request_sums WHERE span_s = 0"),
    ("wasted tokens", "route, target", "sum(wasted_tokens)", "request_sums WHERE span_s = 0"),
    ("cost", "route, target", "sum(cost_nusd)", "request_sums WHERE span_s = 0"),
    ("wasted cost", "route, target", "sum(wasted_nusd)", "request_sums WHERE span_s = 0"),
    ("received bytes of a route", "route", "sum(received_bytes)", "request_sums WHERE span_s = 0"),
    ("sent bytes of a route", "route", "sum(sent_bytes)", "request_sums WHERE span_s = 0"),
    ("lasted", "route, target", "sum(times)", "time_sums WHERE span_s = 0 AND measure = 'duration_us'"),
)


_SPENT: Final = tuple(
    (name, "target", f"sum({column})", f"attempt_sums WHERE span_s = 0 AND result = '{OK}'")
    for name, column in (("input tokens", "input_tokens"), ("output tokens", "output_tokens"))
)


def _known(db: sqlite3.Connection, shapes: Iterable[tuple[str, str, str, str]]) -> Counter[Key]:
    made: Counter[Key] = Counter()
    for name, keys, count, source in shapes:
        made += _rows(db, source, [(name, keys, count, "1")])
    return made


def attempts_at(known: Mapping[Key, int], target: str) -> Counter[str]:
    """Calls to a target by their result."""
    made: Counter[str] = Counter()
    for key, count in known.items():
        if key[0] == "attempts" and key[2] == target:
            made[key[3]] += count
    return made


@dataclass(frozen=True, slots=True)
class Metrics:
    """What `/metrics` says."""

    view: View
    known: Counter[Key]
    """As `Ledger.known`."""
    lost: int


_SAMPLES: Final = {
    "halfopen_attempts_total": ("attempts", ("route", "target", "result"), 1),
    "halfopen_skips_total": ("skips", ("route", "target", "reason"), 1),
    "halfopen_wasted_tokens_total": ("wasted tokens", ("route", "target"), 1),
    "halfopen_cost_usd_total": ("cost", ("route", "target"), 1e9),
    "halfopen_wasted_usd_total": ("wasted cost", ("route", "target"), 1e9),
    "halfopen_received_bytes_total": ("received bytes of a route", ("route",), 1),
    "halfopen_sent_bytes_total": ("sent bytes of a route", ("route",), 1),
    "halfopen_request_duration_seconds_count": ("lasted", ("route", "target"), 1),
}
_CLIENTS: Final = {
    "halfopen_requests_total": ("requests of a route", ("route", "result")),
    "halfopen_requests_rescued_total": ("rescued of a route", ("route",)),
    "halfopen_streams_total": ("streams of a route", ("route",)),
    "halfopen_received_bytes_total": ("received bytes of a route", ("route",)),
    "halfopen_caller_requests_total": ("requests of a caller", ("caller",)),
}
_TYPES: Final = {"input": "tokens in", "output": "tokens out"}


def metrics(text: str) -> Metrics:
    """Read the text."""
    client: Counter[Key] = Counter()
    known: Counter[Key] = Counter()
    lost = 0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name, labels, value = sample.name, sample.labels, sample.value
            if name in _CLIENTS:
                measure, dimensions = _CLIENTS[name]
                client[(measure, *(labels[each] for each in dimensions))] += round(value)
            if name in _SAMPLES:
                measure, dimensions, scale = _SAMPLES[name]
                known[(measure, *(labels[each] for each in dimensions))] += round(value * scale)
            elif name == "halfopen_tokens_total":
                known[(_TYPES[labels["type"]], labels["route"], labels["target"])] += round(value)
            elif name == "halfopen_outcomes_lost_total":
                lost += round(value)
            if name == "halfopen_requests_total" and labels["result"] == OK:
                client[("answered", labels["route"], labels["target"])] += round(value)
    measures = (*(measure for measure, _ in _CLIENTS.values()), "answered")
    return Metrics(View("/metrics", client, measures), known, lost)


_TOTALS: Final = {
    "all": "requests",
    "all answered": "answered",
    "all rescued": "rescued",
    "all failed": "failed",
    "all gone": "gone",
}


def overview(data: Mapping[str, Any]) -> tuple[View, Counter[Key]]:
    """The totals, and the counts by minute as `Ledger.rows_by_minute` has them, of whole answers only."""
    totals = data["totals"]
    counts: Counter[Key] = Counter({(name,): totals[field] for name, field in _TOTALS.items()})
    for kind, count in totals["by_kind"].items():
        counts["all failed by kind", kind] += count
    series = data["series"]
    by_minute: Counter[Key] = Counter()
    for number, start_s in enumerate(series["start_s"]):
        for name in ("answered", "rescued", "failed", "gone"):
            by_minute[name, str(start_s)] += series[name][number]
    return View("/api/overview, totals", counts, (*_TOTALS, "all failed by kind")), by_minute


def series_of(rows_by_minute: Mapping[Key, int]) -> Counter[Key]:
    """Rows by minute as the overview's series should show them."""
    made: Counter[Key] = Counter()
    for (name, minute, *rest), count in rows_by_minute.items():
        if name == "rescued by minute":
            made["rescued", minute] += count
            made["answered", minute] -= count
        else:
            shown = {OK: "answered", GONE: "gone"}.get(rest[0], "failed")
            made[shown, minute] += count
    return made


_TILES: Final = {
    "Requests": "all",
    "Answered whole": "all answered",
    "Rescued": "all rescued",
    "Failed": "all failed",
    "Clients gone": "all gone",
}
_NUMBER: Final = re.compile(r"\D")


class _Tiles(HTMLParser):
    """Terms and the first text of what stands beside them, in the list with the id `totals`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._inside = False
        self._reading = ""
        self._term = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "dl":
            self._inside = ("id", "totals") in attrs
        elif self._inside and tag in ("dt", "dd"):
            self._reading = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "dl":
            self._inside = False

    def handle_data(self, data: str) -> None:
        text = data.strip()
        if not text or not self._reading:
            return
        if self._reading == "dt":
            self._term = text
        else:
            self.found.setdefault(self._term, text)
        self._reading = ""


def page(html: str) -> View:
    """The totals on the first page of the dashboard."""
    tiles = _Tiles()
    tiles.feed(html)
    counts: dict[Key, int] = {
        (measure,): int(_NUMBER.sub("", tiles.found.get(term, "")) or -1) for term, measure in _TILES.items()
    }
    return View("dashboard, first page", counts, tuple(_TILES.values()))
