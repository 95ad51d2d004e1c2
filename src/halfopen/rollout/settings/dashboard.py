"""`[dashboard]`: pages for people, the API behind them, and `/metrics`."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from halfopen.rollout.settings.table import Table, number

TOKEN_MIN_CHARS: Final = 16
"""A shorter token could be guessed: wrong ones don't keep the right one out."""


class Dashboard(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pages for people, the API behind them, and `/metrics`."""

    enabled: Annotated[bool, Meta(description="Whether there is one.")] = True
    host: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            description="Address to listen on. Any other than a loopback address needs a `token`.",
        ),
    ] = "127.0.0.1"
    port: Annotated[int, number(0, 32_767, "Port to listen on. 0: the one after the gateway's.")] = 0
    token: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=256,
                description="Whoever wants to look must have it: a reference to an environment variable, of "
                "at least 16 characters. `/metrics` takes it as a bearer token.",
                examples=["${HALFOPEN_DASHBOARD_TOKEN}"],
            ),
        ]
        | UnsetType
    ) = UNSET
