"""What can be asked of every store of outcomes. A new one joins in `conftest.places`."""

import threading

import pytest

from halfopen.seams.ledger import LIMIT_MAX, Kept, Only, Search
from halfopen.seams.outcome_store import DETAILED, Batch, Context, Group, Retention, Rows, StoreError
from halfopen.seams.sums import REQUEST_COUNTS, Sums

BEGIN_S = 1_700_000_040
DAY_S = 86_400
HOUR_S = 3600
RESCUED = DETAILED.index("rescued")
ODD = 'it\'s 100% \\ "odd"? — {p0:String} %s\tü'


class Written:
    """A store that a test writes to, request by request, and who reads it."""

    def __init__(self, store, ledger):
        self.store, self.ledger = store, ledger
        self.made = 0

    def add(self, *requests):
        """Write them in one batch, with their counts."""
        sums, plain, detailed = Sums(), [], []
        for told in requests:
            row, key, has_more = self._row(**told)
            (detailed if has_more else plain).append(row)
            counts = sums.requests.setdefault(key, [0] * len(REQUEST_COUNTS))
            counts[0] += 1
            counts[1] += row[RESCUED]
        groups = [Group(Context(*row[:7]), row[RESCUED], [row[7:RESCUED]]) for row in plain]
        rows = Rows(groups, detailed)
        assert self.store.write([Batch("w", self.made, rows, sums)]) == len(requests)
        self.made += len(requests)

    def _row(
        self,
        *,
        name,
        at=0.0,
        route="m",
        target="p/m",
        caller="team",
        kind=None,
        gone=0,
        rescued=0,
        detail=None,
    ):
        ended = BEGIN_S + at
        row = (
            *(route, "chat", caller, "5eed", 1, target, "q/m: breaker open"),
            *(name, ended, 812.25, 0.125, 2.5, None, 300.0625, 100, None, 3, 2**40, 600, 123_456_789_012),
            rescued,
        )
        has_more = bool(kind or gone or detail)
        if has_more:
            row = (*row, kind, gone, 2, 30, 5, detail)
        key = (int(ended) // 60 * 60, route, target or "", caller, "client_gone" if gone else kind or "ok")
        return row, key, has_more

    def ids(self, **search):
        return [kept.request_id for kept in self.ledger.requests(Search(**search))]


@pytest.fixture
def written(places):
    store, ledger = places.store(), places.ledger()
    store.open()
    yield Written(store, ledger)
    ledger.close()
    store.close()


def test_the_latest_come_first_whole(written):
    """Every column as it was written, the fields of a plain row and of one with more to tell."""
    written.add(
        {"name": "a"}, {"name": ODD, "at": 1, "kind": "timeout", "detail": b"\x00\xff", "target": None}
    )
    late, early = written.ledger.requests(Search())
    assert (late.request_id, early.request_id) == (ODD, "a")
    assert late.number > early.number
    told = {
        "route": "m",
        "client": "chat",
        "caller": "team",
        "snapshot": "5eed",
        "stream": True,
        "duration_ms": 812.25,
        "queue_ms": 0.125,
        "connect_ms": 2.5,
        "first_byte_ms": None,
        "first_content_ms": 300.0625,
        "input_tokens": 100,
        "output_tokens": None,
        "cached_tokens": 3,
        "received_bytes": 2**40,
        "sent_bytes": 600,
        "skipped": "q/m: breaker open",
        "cost_nusd": 123_456_789_012,
        "rescued": False,
        "client_gone": False,
    }
    assert early == Kept(
        number=early.number, request_id="a", ended_wall_s=BEGIN_S + 0.0, served_by="p/m", kind=None, attempts=1,
        wasted_tokens=0, wasted_nusd=0, **told,
    )  # fmt: skip
    assert late == Kept(
        number=late.number, request_id=ODD, ended_wall_s=BEGIN_S + 1.0, served_by=None, kind="timeout", attempts=2,
        wasted_tokens=30, wasted_nusd=5, **told,
    )  # fmt: skip


def test_one_request_comes_with_its_detail(written):
    """By its id, whatever is in it; the latest if there are two; none if there is none."""
    written.add({"name": "a", "detail": b"\x00\xff\n'"}, {"name": ODD})
    assert written.ledger.request("a").detail == b"\x00\xff\n'"
    assert written.ledger.request(ODD).detail is None
    assert written.ledger.request("A") is None
    assert written.ledger.request("' OR '1' = '1") is None
    written.add({"name": "a", "at": 70})
    assert written.ledger.request("a").ended_wall_s == BEGIN_S + 70


@pytest.fixture
def mixed(written):
    """Some of every sort, in three minutes of three batches."""
    written.add(
        {"name": "whole"},
        {"name": "rescued", "at": 1, "target": "q/m", "rescued": 1, "detail": b"d"},
        {"name": "failed", "at": 2, "target": None, "kind": "timeout", "caller": "rare"},
    )
    written.add(
        {"name": "left", "at": 61, "gone": 1},
        {"name": "left and failed", "at": 62, "gone": 1, "kind": "timeout", "target": None},
        {"name": "other route", "at": 63, "route": "n"},
    )
    written.add({"name": "late", "at": 121, "kind": "rate_limit", "target": None})
    written.add({"name": "last", "at": 122})
    return written


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"only": Only.FAILED}, ["late", "failed"]),
        ({"only": Only.RESCUED}, ["rescued"]),
        ({"only": Only.GONE}, ["left and failed", "left"]),
        ({"route": "n"}, ["other route"]),
        ({"target": "q/m"}, ["rescued"]),
        ({"caller": "rare"}, ["failed"]),
        ({"kind": "timeout"}, ["left and failed", "failed"]),
        ({"kind": "timeout", "only": Only.FAILED}, ["failed"]),
        ({"caller": "rare", "route": "n"}, []),
        ({"caller": ODD}, []),
        ({"since_s": BEGIN_S + 62}, ["last", "late", "left and failed", "other route"]),
        ({"until_s": BEGIN_S + 2}, ["rescued", "whole"]),
        ({"since_s": BEGIN_S + 2, "until_s": BEGIN_S + 62, "caller": "team"}, ["left"]),
        ({"since_s": BEGIN_S + 63.5, "route": "m"}, ["last", "late"]),
        ({"since_s": BEGIN_S + 500}, []),
        ({"limit": 2}, ["last", "late"]),
        ({"limit": 1, "route": "m", "until_s": BEGIN_S + 100}, ["left and failed"]),
    ],
    ids=str,
)
def test_a_search_finds_what_is_asked_for(mixed, search, found):
    """By every field, alone and together, the latest first."""
    assert mixed.ids(**search) == found


@pytest.mark.parametrize(
    "search", [{}, {"caller": "team"}, {"since_s": BEGIN_S + 1}, {"only": Only.RESCUED}], ids=str
)
def test_pages_follow_one_another(written, search):
    """Each goes on before the last of the page before; together they are all, once."""
    for first in range(0, 90, 30):
        written.add(*({"name": f"r{n}", "at": n + 1, "rescued": 1} for n in range(first, first + 30)))
    seen, before = [], 0
    while page := written.ledger.requests(Search(before=before, limit=7, **search)):
        assert len(page) <= 7
        seen += [kept.request_id for kept in page]
        before = page[-1].number
    assert seen == [f"r{n}" for n in reversed(range(90))]


def test_a_page_is_bounded(written):
    """However much is asked for."""
    written.add(*({"name": f"r{n}"} for n in range(LIMIT_MAX + 5)))
    assert len(written.ids(limit=10**9)) == LIMIT_MAX
    assert len(written.ids(limit=0)) == 1


def test_what_came_late_is_found_by_its_time(written):
    """Outcomes that waited for a store are stored after later ones."""
    written.add({"name": "now", "at": 4000})
    written.add({"name": "waited", "at": 5, "caller": "rare"}, {"name": "waited longer", "at": 1})
    written.add({"name": "later", "at": 4100})
    assert written.ids(until_s=BEGIN_S + 100) == ["waited longer", "waited"]
    assert written.ids(since_s=BEGIN_S + 3000) == ["later", "now"]
    assert written.ids(caller="rare") == ["waited"]


def test_counts_of_minutes_and_of_all_time_are_exact(written):
    """Those of the minutes that begin in the stretch; numbers of any size; every table."""
    sums = Sums()
    for start_s, count in ((BEGIN_S, 2**53 + 1), (BEGIN_S + 60, 5)):
        sums.requests[start_s, "m", "p/m", ODD, "ok"] = [count, *range(1, len(REQUEST_COUNTS))]
        sums.attempts[start_s, "m", "p/m", "ok"] = [count, 1, 2, 3, 4]
        sums.skips[start_s, "m", "q/m", "breaker open"] = [count]
        sums.times[start_s, "m", "p/m", "duration_us", -3] = [count]
    for number in range(3):
        written.store.write([Batch("w", number, Rows([], []), sums, left_out=1)])
    ledger = written.ledger
    minute = ledger.sums(BEGIN_S, BEGIN_S + 60, span_s=60)
    assert minute.requests == {
        (BEGIN_S, "m", "p/m", ODD, "ok"): [3 * (2**53 + 1), *(3 * n for n in range(1, len(REQUEST_COUNTS)))]
    }
    assert minute.attempts == {(BEGIN_S, "m", "p/m", "ok"): [3 * (2**53 + 1), 3, 6, 9, 12]}
    assert minute.skips == {(BEGIN_S, "m", "q/m", "breaker open"): [3 * (2**53 + 1)]}
    assert minute.times == {(BEGIN_S, "m", "p/m", "duration_us", -3): [3 * (2**53 + 1)]}
    both = ledger.sums(BEGIN_S, BEGIN_S + 61, span_s=60)
    assert len(both.requests) == 2
    assert ledger.sums(0, 1, span_s=0).tables() == both.in_spans_of(0).tables()
    assert not ledger.sums(0, 1e12, span_s=HOUR_S)
    assert not ledger.sums(BEGIN_S + 1, BEGIN_S + 60, span_s=60)


def test_an_outcome_without_a_row_is_counted(written):
    """Of successes only a part may be kept: the source has got past all of them."""
    sums = Sums()
    sums.skips[BEGIN_S, "m", "q/m", "breaker open"] = [7]
    assert written.store.write([Batch("w", 0, Rows([], []), sums, left_out=7)]) == 7
    assert written.store.write([Batch("w", 0, Rows([], []), sums, left_out=7)]) == 0
    assert (written.store.count(), written.store.lost(), written.store.reached()) == (0, 0, {"w": 7})
    assert written.ledger.sums(0, 1, span_s=0).skips == {(0, "m", "q/m", "breaker open"): [7]}


def test_losses_are_told(written):
    """As the store counts them."""
    written.made = 5
    written.add({"name": "a"})
    assert written.ledger.lost() == 5


def all_forgotten(store, now_s, keep):
    """Slice by slice, until there is no more."""
    slices = []
    while gone := store.forget(now_s, keep):
        slices.append(gone)
        assert len(slices) < 1000
    return slices


def test_minutes_become_hours_and_hours_go(written):
    """Nothing is counted twice or missing on the way, and the counts of all time stay."""
    for at in (0, 30, 61, HOUR_S, 2 * DAY_S, 9 * DAY_S):
        written.add({"name": f"r{at}", "at": at})
    keep = Retention(rows_s=1000 * DAY_S, minutes_s=DAY_S, hours_s=31 * DAY_S)
    ledger = written.ledger

    def counted(span_s):
        sums = ledger.sums(0, 1e12, span_s=span_s).requests
        return {key[0] - BEGIN_S: counts[0] for key, counts in sorted(sums.items())}

    hour_s = BEGIN_S // HOUR_S * HOUR_S - BEGIN_S
    assert all_forgotten(written.store, BEGIN_S + 2 * HOUR_S, keep) == []
    assert all_forgotten(written.store, BEGIN_S + 3 * DAY_S, keep)
    minute_s = (BEGIN_S + 2 * DAY_S) // 60 * 60 - BEGIN_S
    if minute_s < 2 * DAY_S + hour_s + HOUR_S:
        assert counted(60) == {2 * DAY_S: 1, 9 * DAY_S: 1}
    assert counted(HOUR_S) == {hour_s: 3, hour_s + HOUR_S: 1}
    # One that comes late counts as well.
    written.add({"name": "late", "at": 40})
    all_forgotten(written.store, BEGIN_S + 3 * DAY_S, keep)
    assert counted(HOUR_S) == {hour_s: 4, hour_s + HOUR_S: 1}
    assert sum(counted(60).values()) + sum(counted(HOUR_S).values()) == 7
    assert all_forgotten(written.store, BEGIN_S + 32 * DAY_S, keep)
    assert counted(60) == {}
    assert sum(counted(HOUR_S).values()) == 2
    assert ledger.sums(0, 1, span_s=0).requests[0, "m", "p/m", "team", "ok"][0] == 7
    assert written.store.count() == 7


def test_old_rows_go_in_slices(written):
    """As far as all of them are too old; later ones stay, and their numbers."""
    for first in range(0, 6000, 1000):
        written.add(*({"name": f"r{n}", "at": n} for n in range(first, first + 1000)))
    last = written.ledger.requests(Search(limit=1))
    keep = Retention(rows_s=1000, minutes_s=DAY_S, hours_s=31 * DAY_S)
    slices = all_forgotten(written.store, BEGIN_S + 5500, keep)
    assert sum(slices) == 4500
    assert max(slices) <= 2000
    assert written.store.count() == 1500
    assert written.ledger.requests(Search(limit=1)) == last
    assert [kept.request_id for kept in written.ledger.requests(Search(until_s=BEGIN_S + 4501))] == ["r4500"]
    assert written.ledger.request("r4499") is None
    assert all_forgotten(written.store, BEGIN_S + 10**6, keep)
    assert (written.store.count(), written.ids(), written.ids(caller="team")) == (0, [], [])
    written.add({"name": "next", "at": 10**6})
    assert written.ids() == written.ids(caller="team") == ["next"]


def test_it_is_read_while_it_is_written(places, written):
    """Each answer has whole batches only: as many requests as are counted in the minute."""
    stop = threading.Event()
    bad = []

    def read():
        ledger = places.ledger()
        while not stop.is_set():
            sums = ledger.sums(BEGIN_S, BEGIN_S + 60, span_s=60).requests
            ever = ledger.sums(0, 1, span_s=0).requests
            counts = [sum(counts[0] for counts in found.values()) for found in (sums, ever)]
            if any(count % 20 for count in counts) or counts[1] < counts[0]:
                bad.append(counts)
            numbers = [kept.number for kept in ledger.requests(Search(limit=1000))]
            if len(numbers) % 20 or numbers != sorted(numbers, reverse=True):
                bad.append(numbers)
        ledger.close()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(40):
            written.add(*({"name": "a", "at": 1} for _ in range(20)))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert bad == []
    assert len(written.ids(limit=1000)) == 800


def test_what_can_not_be_read_is_an_error_of_the_contract(places):
    """Nothing is there yet. Who asks again when it is gets an answer."""
    ledger = places.ledger()
    with pytest.raises(StoreError):
        ledger.requests(Search())
    with pytest.raises(StoreError):
        ledger.sums(0, 1, span_s=0)
    store = places.store()
    store.open()
    assert ledger.requests(Search()) == []
    ledger.close()
    ledger.close()
    store.close()
