"""The totals of a table, as a whole and by what its rows have in common."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from halfopen.lab.matrix import point as points
from halfopen.lab.matrix.row import Result, Row

Z_95 = 1.959964
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Totals:
    """How many rows came out how. Void rows count as fails."""

    passed: int
    safe: int
    failed: int
    """Without the void ones."""
    void: int

    @property
    def fail(self) -> int:
        """Fails and void rows."""
        return self.failed + self.void

    @property
    def rows(self) -> int:
        """The sample size."""
        return self.passed + self.safe + self.failed + self.void

    def shown(self) -> dict[str, object]:
        """The shape that is printed as JSON."""
        low, high = interval(self.fail, self.rows)
        return {
            "rows": self.rows,
            "pass": self.passed,
            "safe": self.safe,
            "fail": self.fail,
            "void": self.void,
            "fail_rate_95": [round(low, 5), round(high, 5)],
        }


def interval(count: int, size: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927). Nothing of nothing: 0 to 1."""
    if not size:
        return 0.0, 1.0
    share, square = count / size, Z_95 * Z_95
    middle = (share + square / (2 * size)) / (1 + square / size)
    half = Z_95 * sqrt(share * (1 - share) / size + square / (4 * size * size)) / (1 + square / size)
    return max(0.0, middle - half) if count else 0.0, min(1.0, middle + half) if count < size else 1.0


def totals(rows: Iterable[Row]) -> Totals:
    """Count the results."""
    results = [row.result for row in rows]
    return Totals(*(results.count(each) for each in (Result.PASS, Result.SAFE, Result.FAIL, Result.VOID)))


def point_kind(row: Row) -> str:
    """What the row's point is summed up as."""
    return points.kind(row.point.partition("+")[0])


def groups(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, dict[str, object]]:
    """The totals of the rows that have the same key, as JSON prints them; keys sorted."""
    return {name: totals(group).shown() for name, group in sorted(_grouped(rows, key).items())}


def _grouped(rows: Sequence[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def cells(rows: Sequence[Row]) -> dict[tuple[str, str], dict[str, Totals]]:
    """The totals by client and primary, and in these by kind of point."""
    found: dict[tuple[str, str], dict[str, Totals]] = {}
    for name, group in _grouped(rows, lambda row: f"{row.client}\0{row.primary}").items():
        client, _, primary = name.partition("\0")
        found[client, primary] = {kind: totals(same) for kind, same in _grouped(group, point_kind).items()}
    return found
