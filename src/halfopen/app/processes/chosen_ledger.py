"""Reads the store that the configuration names, as soon as it is known which."""

from collections.abc import Callable, Collection, Mapping

from halfopen.seams.ledger import Kept, Ledger, Search
from halfopen.seams.sums import ALL_TABLES, Sums


class ChosenLedger:
    """A `Ledger` that is opened when it is first asked. Until it is known which, it raises StoreError."""

    def __init__(self, choose: Callable[[], Ledger]) -> None:
        """`choose` gives the one that is read; it may raise StoreError, and is asked again."""
        self._choose = choose
        self._chosen: Ledger | None = None

    def requests(self, search: Search) -> list[Kept]:
        """As `Ledger`."""
        return self._ledger().requests(search)

    def request(self, request_id: str) -> Kept | None:
        """As `Ledger`."""
        return self._ledger().request(request_id)

    def sums(
        self, since_s: float, until_s: float, *, span_s: int, only: Collection[str] = ALL_TABLES
    ) -> Sums:
        """As `Ledger`."""
        return self._ledger().sums(since_s, until_s, span_s=span_s, only=only)

    def spent(self, since_s: float, until_s: float) -> Mapping[str, tuple[int, int, int]]:
        """As `Ledger`."""
        return self._ledger().spent(since_s, until_s)

    def lost(self) -> int:
        """As `Ledger`."""
        return self._ledger().lost()

    def close(self) -> None:
        """As `Ledger`."""
        if self._chosen is not None:
            self._chosen.close()

    def _ledger(self) -> Ledger:
        if self._chosen is None:
            self._chosen = self._choose()
        return self._chosen
