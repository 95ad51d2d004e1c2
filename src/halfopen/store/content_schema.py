"""The table of prompts and answers, described once. It has a version of its own, in `content_version`.

In SQLite it is in a file of its own. So prompts can be deleted, or left out of a copy, without the record
of outcomes; what they take doesn't count against the size of that; and neither writer waits for the other.
"""

from collections.abc import Sequence
from typing import Any, Final

from halfopen.seams.content_store import KeptContent
from halfopen.store.schema import Column, Sort

CONTENT: Final = (
    Column("request_id", Sort.TEXT),
    Column("ended_wall_s", Sort.REAL),
    Column("prompt", Sort.BYTES),
    Column("answer", Sort.BYTES),
    Column("cut", Sort.FLAG),
    Column("masked", Sort.INTEGER),
)
"""Columns of `content`: those of `KeptContent`."""
VERSION: Final = 1
SLICE_ROWS: Final = 50
"""Rows that are deleted at once."""
NAMES: Final = ", ".join(column.name for column in CONTENT)
SIZE: Final = "SELECT coalesce(sum(length(prompt) + length(answer)), 0), count(*) FROM content"
FIND: Final = f"SELECT {NAMES} FROM content WHERE request_id = ? ORDER BY ended_wall_s DESC LIMIT 1"  # noqa: S608 - of constants


def row_of(kept: KeptContent) -> tuple[Any, ...]:
    """The values of `CONTENT`."""
    # No store takes half a surrogate pair, nor PostgreSQL a zero, in a text.
    name = kept.request_id.encode("utf-8", "replace").decode().replace("\0", "")
    return (name, kept.ended_wall_s, kept.prompt, kept.answer, int(kept.cut), kept.masked)


def kept_of(row: Sequence[Any]) -> KeptContent:
    """A row that was read."""
    request_id, ended_wall_s, prompt, answer, cut, masked = row
    return KeptContent(request_id, ended_wall_s, bytes(prompt), bytes(answer), bool(cut), masked)
