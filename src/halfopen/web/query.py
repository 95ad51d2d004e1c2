"""What somebody asks for in the query of an address, made into a `Search`."""

import re
from collections.abc import Mapping
from typing import Final

from halfopen.seams.ledger import LIMIT_MAX, Only, Search

PAGE_ROWS: Final = 50
"""Rows of one page of the explorer."""
_TEXT_MAX: Final = 512
_BEFORE_MAX: Final = 2**62
_AGO: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS_S: Final = (("s", 1), ("m", 60), ("h", 3600), ("d", 86400))


class QueryError(Exception):
    """The query can't be understood. Its text says why, for a person."""


def search_of(query: Mapping[str, str], now_s: float, *, limit: int = PAGE_ROWS) -> Search:
    """The search that a query describes. What it doesn't name is any.

    Args:
        query: `since` and `until` as seconds since the Unix epoch or as a time ago (15m, 1h, 2d), `only`,
            `route`, `target`, `caller`, `kind`, `before` and `limit`.
        now_s: Seconds since the Unix epoch.
        limit: Rows, if the query doesn't say.

    Raises:
        QueryError: A value is none of those.
    """
    only = query.get("only") or Only.ALL.value
    if only not in {each.value for each in Only}:
        raise QueryError(f"only={only[:40]} is none of {', '.join(each.value for each in Only)}")
    return Search(
        since_s=_moment(query, "since", now_s, 0.0),
        until_s=_moment(query, "until", now_s, 1e12),
        only=Only(only),
        route=_text(query, "route"),
        target=_text(query, "target"),
        caller=_text(query, "caller"),
        kind=_text(query, "kind"),
        before=whole(query, "before", 0, _BEFORE_MAX, 0),
        limit=whole(query, "limit", 1, LIMIT_MAX, limit),
    )


def whole(query: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    """A whole number from the query. Raises QueryError."""
    told = query.get(name, "")
    if not told:
        return default
    if not told.isascii() or not told.isdigit() or not least <= int(told[:20]) <= most:
        raise QueryError(f"{name}={told[:40]} is no whole number from {least} to {most}")
    return int(told[:20])


def ago_s(told: str) -> int | None:
    """How many seconds ago "15m", "1h" or "2d" is; None: it says something else."""
    found = _AGO.fullmatch(told)
    return int(found[1]) * dict(_UNITS_S)[found[2]] if found else None


def _moment(query: Mapping[str, str], name: str, now_s: float, default: float) -> float:
    told = query.get(name, "")
    if not told:
        return default
    ago = ago_s(told)
    if ago is not None:
        return now_s - ago
    try:
        moment = float(told)
    except ValueError:
        moment = -1.0
    if not 0.0 <= moment <= 1e12:
        raise QueryError(
            f"{name}={told[:40]} is neither seconds since 1970 nor a time ago such as 15m, 1h or 2d"
        )
    return moment


def _text(query: Mapping[str, str], name: str) -> str:
    told = query.get(name, "").strip()
    if len(told) > _TEXT_MAX:
        raise QueryError(f"{name} is longer than {_TEXT_MAX} characters")
    return told
