"""Prompts and answers in ClickHouse. Rows that came in one write are one block, there whole or not at all."""

import base64
from collections.abc import Mapping, Sequence
from typing import Final

from halfopen.seams.content_store import KeptContent
from halfopen.seams.outcome_store import StoreError
from halfopen.store.clickhouse import WRITE_S, encoded
from halfopen.store.clickhouse_ledger import READ_S
from halfopen.store.clickhouse_link import ClickhouseLink
from halfopen.store.clickhouse_schema import columns
from halfopen.store.content_schema import CONTENT, FIND, SIZE, SLICE_ROWS, VERSION, kept_of, row_of

_CONTENT: Final = (
    f"CREATE TABLE IF NOT EXISTS content ({columns(CONTENT)}, "
    "INDEX by_request request_id TYPE bloom_filter(0.001) GRANULARITY 1) "
    "ENGINE = MergeTree ORDER BY (ended_wall_s, request_id)"
)
STEPS: Final[Mapping[int, Sequence[str]]] = {0: (_CONTENT,)}
"""What brings the tables of each version to the next one. 0: there are none."""
_OLDEST: Final = (
    "SELECT max(ended_wall_s) FROM (SELECT ended_wall_s FROM content "  # noqa: S608 - of constants
    f"ORDER BY ended_wall_s LIMIT {SLICE_ROWS})"
)


class ClickhouseContent:
    """A `ContentStore` in a server or a directory. For one thread."""

    def __init__(self, url: str, *, wait_s: int = WRITE_S) -> None:
        """Name it; `open` connects."""
        self._link = ClickhouseLink(url, wait_s=wait_s)
        self._size_bytes = self._rows = 0

    def open(self) -> None:
        """As `ContentStore`. A table of a later version is left alone."""
        if self._link.is_open:
            return
        self._link.open()
        try:
            self._prepare()
            self._look()
        except BaseException:
            self._link.close()
            raise

    def _prepare(self) -> None:
        link = self._link
        link.do(
            "CREATE TABLE IF NOT EXISTS content_version (version Int64) ENGINE = MergeTree ORDER BY version"
        )
        ((version,),) = link.ask("SELECT max(version) FROM content_version")
        if version > VERSION:
            raise StoreError("the table of content was made by a later version of Halfopen")
        for step in range(version, VERSION):
            for statement in STEPS[step]:
                link.do(statement)
            link.insert("content_version", encoded([(step + 1,)]))

    def write(self, rows: Sequence[KeptContent]) -> None:
        """As `ContentStore`: one block."""
        # Bytes go in base64: rows come and go as JSON.
        self._link.insert("content", encoded(map(row_of, rows)))
        self._rows += len(rows)
        self._size_bytes += sum(len(row.prompt) + len(row.answer) for row in rows)

    def size_bytes(self) -> int:
        """As `ContentStore`."""
        return self._size_bytes

    def count(self) -> int:
        """As `ContentStore`."""
        return self._rows

    def forget(self, before_wall_s: float) -> int:
        """As `ContentStore`."""
        ((old,),) = self._link.ask("SELECT count() FROM content WHERE ended_wall_s < ?", before_wall_s)
        if old:
            self._link.do("DELETE FROM content WHERE ended_wall_s < ?", before_wall_s)
            self._look()
        return int(old)

    def trim(self, max_bytes: int) -> int:
        """As `ContentStore`."""
        if self._size_bytes <= max_bytes:
            return 0
        before = self._rows
        ((until_s,),) = self._link.ask(_OLDEST)
        self._link.do("DELETE FROM content WHERE ended_wall_s <= ?", until_s)
        self._look()
        return max(before - self._rows, 0)

    def _look(self) -> None:
        ((size_bytes, rows),) = self._link.ask(SIZE)
        # Of what base64 makes of them.
        self._size_bytes, self._rows = int(size_bytes) * 3 // 4, int(rows)

    def close(self) -> None:
        """As `ContentStore`."""
        self._link.close()


class ClickhouseContentReader:
    """A `ContentReader` of a server or a directory. Connects when it is asked, and again after an error."""

    def __init__(self, url: str, *, wait_s: int = READ_S) -> None:
        """Name it."""
        self._link = ClickhouseLink(url, wait_s=wait_s)

    def find(self, request_id: str) -> KeptContent | None:
        """As `ContentReader`."""
        self._link.open()
        ((there,),) = self._link.ask("EXISTS TABLE content")
        found = self._link.ask(FIND, request_id) if there else []
        if not found:
            return None
        name, ended_wall_s, prompt, answer, cut, masked = found[0]
        return kept_of((name, ended_wall_s, *map(base64.b64decode, (prompt, answer)), cut, masked))

    def close(self) -> None:
        """As `ContentReader`."""
        self._link.close()
