"""`[store]`: the record of what became of requests."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from halfopen.rollout.settings.table import Table, number

_DAYS_MAX = 3650


class Store(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The record of what became of requests. Requests never wait for it."""

    url: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=2048,
                description="Where it is: postgresql://HOST/DATABASE (extra `postgres`), "
                "clickhouse://HOST/DATABASE or chdb:///PATH (extra `clickhouse`); with a password only as a "
                "reference to an environment variable. Not set: an SQLite file in the state directory.",
                examples=["${HALFOPEN_STORE_URL}"],
            ),
        ]
        | UnsetType
    ) = UNSET
    max_mb: Annotated[
        int,
        number(16, 1_048_576, "Size of the file of outcomes. Beyond it the oldest are deleted.", "MiB"),
    ] = 512
    keep_successes: Annotated[
        float,
        number(
            0,
            1,
            "The part of whole answers of the first choice whose row is kept. Failures and rescues always "
            "are, and counts are exact.",
        ),
    ] = 1.0
    rows_days: Annotated[int, number(1, _DAYS_MAX, "Requests are kept for so long.", "days")] = 30
    minutes_days: Annotated[
        int, number(1, _DAYS_MAX, "Counts are kept by minute for so long, and then by hour.", "days")
    ] = 7
    hours_days: Annotated[int, number(31, _DAYS_MAX, "Counts are kept by hour for so long.", "days")] = 400
    content_days: Annotated[
        int,
        number(
            1,
            _DAYS_MAX,
            "Prompts and answers are kept for so long, where a route keeps them at all, but no longer than "
            "their requests.",
            "days",
        ),
    ] = 7
    content_max_mb: Annotated[
        int, number(1, 65_536, "Size of all prompts and answers. Beyond it the oldest are deleted.", "MiB")
    ] = 256
