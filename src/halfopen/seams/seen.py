"""What pages, the command line and exporters may ask of a running gateway. Control answers."""

from typing import Any, Protocol

from halfopen.seams.ledger import Kept, Search


class Seen(Protocol):
    """A running gateway as it is seen. No method blocks the loop.

    Those that read the store raise StoreError when it can't be read now.
    """

    def overview(self) -> dict[str, Any]:
        """A `signals.overview.Overview` as JSON has it."""
        ...

    def status(self) -> dict[str, Any]:
        """What `halfopen status --json` prints."""
        ...

    def configuration(self) -> dict[str, Any]:
        """The snapshot in force as JSON has it: `id`, `since_s`, `path`, `problem`, `content`. No secrets."""
        ...

    async def requests(self, search: Search) -> list[Kept]:
        """Those that are kept, the latest first."""
        ...

    async def request(self, request_id: str) -> dict[str, Any] | None:
        """One request with its attempts; None: it isn't kept.

        `row` is a `Kept` without detail, `outcome` a `model.Outcome` or None when it was plain, both as
        JSON has them. `content` is None, or has `prompt` and `answer`, a `model.content.Transcript` each,
        `cut`, and `masked`, the number of masks in both.
        """
        ...

    async def spend(self, days: int) -> dict[str, Any]:
        """Money and tokens of the last days: `days`, `by_day`, `by_route`, `by_target`, `by_caller`.

        Each of the last four is a list of rows: `name` (of a day: its date, UTC), `requests`, `cost_usd`,
        `wasted_usd`, `input_tokens`, `output_tokens`, `wasted_tokens`.
        """
        ...

    def metrics(self, *, as_openmetrics: bool = False) -> bytes:
        """Everything that is counted, in the text format of Prometheus or in OpenMetrics."""
        ...
