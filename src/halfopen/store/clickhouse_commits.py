"""Which rows of ClickHouse count: up to the last commit, but for void numbers. See `store.clickhouse`."""

from typing import Final

import msgspec

from halfopen.store.clickhouse_link import ClickhouseLink


class Commit(msgspec.Struct, frozen=True):
    """What holds from a commit on."""

    number: int = 0
    lost: int = 0
    first_id: int = 1
    """The first row that is kept."""
    until_id: int = 1
    """The number of the next row."""
    minutes_from_s: int = 0
    """Counts of minutes before are read in their hours."""


NOT_VOID: Final = (
    "NOT arrayExists(void -> number > void.1 AND number < void.2, "
    "(SELECT groupArray((after, before)) FROM voids))"
)
_LAST_COMMIT: Final = (
    "SELECT number, lost, first_id, until_id, minutes_from_s FROM commits "  # noqa: S608 - of constants
    f"WHERE source = '' AND {NOT_VOID} ORDER BY number DESC LIMIT 1"
)


def last_commit(link: ClickhouseLink) -> Commit:
    """The last one that isn't void. Which numbers are void is asked after it, never before."""
    found = link.ask(_LAST_COMMIT)
    return Commit(*found[0]) if found else Commit()


def voids(link: ClickhouseLink) -> list[tuple[int, int]]:
    """Pairs between which numbers are void, the oldest first."""
    found = link.ask("SELECT after, before FROM voids WHERE before > after + 1 ORDER BY before, after")
    return [(after, before) for after, before in found]


def not_void(link: ClickhouseLink) -> str:
    """What is added to a condition, so that void numbers are passed over."""
    return "".join(f" AND NOT (number > {after} AND number < {before})" for after, before in voids(link))
