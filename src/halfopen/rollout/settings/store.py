"""`[store]`: the record of what became of requests."""

from typing import Annotated

from halfopen.rollout.settings.table import Table, number


class Store(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record of what became of requests."""

    max_mb: Annotated[
        int,
        number(16, 1_048_576, "Size of the file of outcomes. Beyond it the oldest are deleted.", "MiB"),
    ] = 512
