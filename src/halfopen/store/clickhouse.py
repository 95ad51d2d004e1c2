"""Outcomes in ClickHouse, which has no transactions: what was written counts from its commit on.

Rules
1. A write inserts rows and counts with its number, and then one block into `commits`: how far each source has
   got, the bounds of the rows, and the number. That block is there whole or not at all.
2. Who reads passes over what has a greater number than the last commit, and over numbers that are void.
3. A connection that was given up may leave statements behind that are carried out at any later time. So who
   opens the store announces a number, looks what the last commit is, makes the numbers between the two void,
   and commits anew what that said. Numbers are never used again, so whatever comes late is void.
4. Who writes looks before and after whether another has announced itself: if so, it is not written, and a
   commit that came after the other's look is void as well.
5. Counts go into their minute, their hour and all time at once. A minute is read until it is forgotten, an
   hour from then on: `minutes_from_s` of the commit says which.
6. Counts of many writes are joined in a table beside, which then takes the place of their partition at once.

See docs/decisions/0020.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from halfopen.seams.outcome_store import Batch, Retention, Row, RowsError, StoreError
from halfopen.seams.sums import TABLES, Sums
from halfopen.store.checked_rows import checked
from halfopen.store.clickhouse_commits import NOT_VOID, Commit, not_void, voids
from halfopen.store.clickhouse_link import ClickhouseLink
from halfopen.store.clickhouse_schema import STEPS, VERSION
from halfopen.store.schema import EVER, HOUR_S, MINUTE_S, SOURCES_MAX

WRITE_S: Final = 20
"""A statement that takes longer is given up."""
SLICE_ROWS: Final = 2000
_DELETED_AT_ONCE: Final = 20_000
"""Rows that went before they are deleted: until then nobody reads them."""
_LOOK_ROWS: Final = 20_000
"""Rows after which the size of a row is looked up again."""
_JOIN_ROWS: Final = 20_000
"""Counts of a partition before they are joined."""
VOIDS_MAX: Final = 32
"""Of the latest openings: what an earlier one had left behind has come by then, and is removed."""


class ClickhouseOutcomes:
    """An `OutcomeStore` in a server or a directory. For one thread."""

    def __init__(self, url: str, *, wall: Callable[[], float] = time.time, wait_s: int = WRITE_S) -> None:
        """Name it; `open` connects. `wall`: seconds since the Unix epoch."""
        self._link = ClickhouseLink(url, wait_s=wait_s)
        self._wall = wall
        self._commit = Commit()
        self._announced = 0
        """The number of the opening."""
        self._used = 0
        """The highest number that this process has used."""
        self._reached: dict[str, int] = {}
        self._deleted_until_id = 0
        self._row_bytes = 0.0
        self._looked_at_id = 0
        self._joined: dict[tuple[str, str], int] = {}
        """Rows that a partition had after it was joined."""

    def open(self) -> None:
        """As `OutcomeStore`. Tables of a later version are left alone."""
        if self._link.is_open:
            return
        self._link.open()
        try:
            self._prepare()
        except BaseException:
            self._link.close()
            raise

    def _prepare(self) -> None:
        link = self._link
        link.do("CREATE TABLE IF NOT EXISTS version (version Int64) ENGINE = MergeTree ORDER BY version")
        ((version,),) = link.ask("SELECT max(version) FROM version")
        if version > VERSION:
            raise StoreError("these tables were made by a later version of Halfopen")
        for step in range(version, VERSION):
            for statement in STEPS[step]:
                link.do(statement)
            link.insert("version", encoded([(step + 1,)]))
        self._announce()
        self._clean()
        first = self._announced
        # One after another, so that those that told something last stay known.
        sources = [
            (source, after, first + turn) for turn, (source, after) in enumerate(self._reached.items())
        ]
        self._settle(first + len(sources), sources)
        self._deleted_until_id, self._looked_at_id = self._commit.first_id, 0

    def _announce(self) -> None:
        """Take over from whoever wrote before: what it had not committed by now is void."""
        link = self._link
        ((highest,),) = link.ask(_HIGHEST)
        self._announced = self._used = max(highest + 1, self._used + 1, int(self._wall() * 1e6))
        link.insert("voids", encoded([(self._announced, self._announced)]))
        sources: list[tuple[int, str, int]] = []
        self._commit, self._reached = Commit(), {}
        # In one answer: a commit that comes after it must be left out of both.
        for source, reached, *told in link.ask(_STATE):
            if source:
                sources.append((told[0], source, reached))
            else:
                self._commit = Commit(*told)
        self._reached = {source: reached for _, source, reached in sorted(sources)[-SOURCES_MAX:]}
        link.insert("voids", encoded([(self._commit.number, self._announced)]))

    def _clean(self) -> None:
        """Remove what nobody reads: of writes that weren't committed, and of the oldest void numbers."""
        old = voids(self._link)[:-VOIDS_MAX]
        gone = [f"number > {self._commit.number} AND number < {self._announced}"]
        gone += [f"number > {after} AND number < {before}" for after, before in old]
        for table in ("outcomes", "commits", *(table for table, _, _ in TABLES)):
            beyond = f"FROM {table} WHERE {' OR '.join(gone)}"
            ((left,),) = self._link.ask(f"SELECT count() {beyond}")
            if left:
                self._link.do(f"DELETE {beyond}")
        if old:
            self._link.do("DELETE FROM voids WHERE before <= ?", old[-1][1])

    def write(self, batches: Sequence[Batch]) -> int:
        """As `OutcomeStore`: rows, counts, and then the commit."""
        self._be_open()
        reached: dict[str, int] = {}
        new: list[Batch] = []
        sums, lost = Sums(), self._commit.lost
        for batch in batches:
            known = reached.get(batch.source, self._reached.get(batch.source))
            if batch.next <= (known or 0):
                continue
            lost += batch.missed(known)
            new.append(batch)
            sums.add(batch.sums)
            reached[batch.source] = batch.next
        if not new:
            return 0
        rows = [row for batch in new for row in checked(batch.rows)]
        number = self._next_number()
        for table, block in _blocks(rows, sums, self._commit.until_id, number):
            self._link.insert(table, block)
        until_id = self._commit.until_id + len(rows)
        sources = [(source, after, number) for source, after in reached.items()]
        self._settle(number, sources, lost=lost, until_id=until_id)
        self._reached.update(reached)
        return sum(batch.count for batch in new)

    def _next_number(self) -> int:
        """One that was never used, and is less than what another that opens the store after it announces."""
        number = self._used = max(self._commit.number + 1, self._used + 1, int(self._wall() * 1e6))
        self._be_alone(self._commit.number)
        return number

    def _be_alone(self, last: int) -> None:
        ((number, announced),) = self._link.ask(_LATEST)
        if (number, announced) != (last, self._announced):
            self._link.close()
            raise StoreError("another gateway writes to this database")

    def _settle(self, number: int, sources: Sequence[tuple[str, int, int]], **changes: int) -> None:
        """From now on it holds."""
        commit = msgspec.structs.replace(self._commit, number=number, **changes)
        own = (commit.number, commit.lost, commit.first_id, commit.until_id, commit.minutes_from_s)
        self._link.insert("commits", encoded([*((*each, 0, 0, 0, 0) for each in sources), ("", 0, *own)]))
        self._be_alone(number)
        self._commit = commit

    def _be_open(self) -> None:
        if not self._link.is_open:
            raise StoreError("it isn't open")

    def reached(self) -> Mapping[str, int]:
        """As `OutcomeStore`."""
        self._be_open()
        return dict(self._reached)

    def count(self) -> int:
        """As `OutcomeStore`."""
        self._be_open()
        return self._commit.until_id - self._commit.first_id

    def lost(self) -> int:
        """As `OutcomeStore`."""
        self._be_open()
        return self._commit.lost

    def size_bytes(self) -> int:
        """As `OutcomeStore`: that of the rows, an estimate from all that are on the disk yet."""
        self._be_open()
        if not self._looked_at_id or self._commit.until_id - self._looked_at_id >= _LOOK_ROWS:
            self._look()
        return round(self.count() * self._row_bytes)

    def _look(self) -> None:
        ((size, rows),) = self._link.ask(
            "SELECT sum(bytes_on_disk), sum(rows) FROM system.parts "
            "WHERE active AND database = currentDatabase() AND table = 'outcomes'"
        )
        self._row_bytes = size / rows if rows else 0.0
        self._looked_at_id = self._commit.until_id

    def trim(self, max_bytes: int) -> int:
        """As `OutcomeStore`. ClickHouse frees their room later."""
        if self.size_bytes() <= max_bytes:
            return 0
        return self._let_go(min(self._commit.first_id + SLICE_ROWS, self._commit.until_id))

    def _let_go(self, first_id: int) -> int:
        """Rows before this one are kept no longer; return how many those are."""
        gone = first_id - self._commit.first_id
        if gone:
            self._settle(self._next_number(), (), first_id=first_id)
        if first_id - self._deleted_until_id >= _DELETED_AT_ONCE:
            self._link.do("DELETE FROM outcomes WHERE id < ?", first_id)
            self._deleted_until_id = first_id
        return gone

    def forget(self, now_wall_s: float, keep: Retention) -> int:
        """As `OutcomeStore`. Also joins the counts of many writes."""
        self._be_open()
        gone = self._forget_rows(now_wall_s - keep.rows_s)
        minutes_s = int((now_wall_s - keep.minutes_s) // HOUR_S) * HOUR_S
        if minutes_s > self._commit.minutes_from_s:
            before_s = self._commit.minutes_from_s
            self._settle(self._next_number(), (), minutes_from_s=minutes_s)
            gone += self._forget_sums(MINUTE_S, minutes_s) if before_s else 0
        gone += self._forget_sums(HOUR_S, int((now_wall_s - keep.hours_s) // HOUR_S) * HOUR_S)
        self._join()
        return gone

    def _forget_rows(self, before_s: float) -> int:
        first, until = self._commit.first_id, self._commit.until_id
        most = min(first + SLICE_ROWS, until)
        ((young,),) = self._link.ask(
            "SELECT minOrNull(id) FROM outcomes WHERE id >= ? AND id < ? AND ended_wall_s >= ?",
            first, most, before_s,
        )  # fmt: skip
        return self._let_go(most if young is None else young)

    def _forget_sums(self, span_s: int, before_s: int) -> int:
        gone = 0
        for table, _, _ in TABLES:
            before = f"FROM {table} WHERE span_s = ? AND start_s < ?"
            ((old,),) = self._link.ask(f"SELECT count() {before}", span_s, before_s)
            if old:
                self._link.do(f"DELETE {before}", span_s, before_s)
            gone += old
        return gone

    def _join(self) -> None:
        """Join the counts of the partition that has most of them, if those are many."""
        found = self._link.ask(
            "SELECT table, partition_id, sum(rows) FROM system.parts WHERE active "
            "AND database = currentDatabase() AND table LIKE '%_sums' GROUP BY table, partition_id"
        )
        grown = [(rows - self._joined.get((table, part), 0), table, part) for table, part, rows in found]
        most, table, part = max(grown, default=(0, "", ""))
        if most < _JOIN_ROWS:
            return
        keys, counts = next((keys, counts) for name, keys, counts in TABLES if name == table)
        names, link = ", ".join(("span_s", *keys)), self._link
        link.do(f"TRUNCATE TABLE {table}_joined")
        link.do(
            f"INSERT INTO {table}_joined SELECT {names}, {', '.join(f'sum({count})' for count in counts)}, 0 "  # noqa: S608 - of constants
            f"FROM {table} WHERE _partition_id = ? AND number <= ?{not_void(link)} GROUP BY {names}",
            *(part, self._commit.number),
        )
        ((rows,),) = link.ask(f"SELECT count() FROM {table}_joined")  # noqa: S608 - of constants
        if rows:
            link.do(f"ALTER TABLE {table} REPLACE PARTITION ID '{part}' FROM {table}_joined")
        link.do(f"TRUNCATE TABLE {table}_joined")
        self._joined[table, part] = rows

    def close(self) -> None:
        """As `OutcomeStore`."""
        self._link.close()


_LATEST: Final = "SELECT (SELECT max(number) FROM commits), (SELECT max(before) FROM voids)"
_HIGHEST: Final = "SELECT greatest((SELECT max(number) FROM commits), (SELECT max(before) FROM voids))"
_STATE: Final = (
    "SELECT source, next, number, lost, first_id, until_id, minutes_from_s FROM commits "  # noqa: S608 - of constants
    f"WHERE {NOT_VOID} ORDER BY number DESC LIMIT 1 BY source"
)


def encoded(rows: Iterable[Sequence[Any]]) -> bytes:
    """A block of rows.

    Raises:
        RowsError: A text is none.
    """
    try:
        return b"\n".join(map(_ENCODER.encode, rows))
    except (UnicodeError, OverflowError) as error:
        raise RowsError(str(error)) from None


_ENCODER: Final = msgspec.json.Encoder()


def _blocks(rows: Sequence[Row], sums: Sums, first_id: int, number: int) -> list[tuple[str, bytes]]:
    """What a write inserts, by table."""
    made = [("outcomes", encoded((place, *row, number) for place, row in enumerate(rows, first_id)))]
    spans = [(span_s, sums.in_spans_of(span_s).tables()) for span_s in (MINUTE_S, HOUR_S, EVER)]
    for table, _, _ in TABLES:
        lines = [
            (span_s, *key, *added, number) for span_s, tables in spans for key, added in tables[table].items()
        ]
        made.append((table, encoded(lines)))
    return made
