"""`[redis]`: what gateways on several machines share."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from halfopen.rollout.settings.table import Table


class Redis(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Redis or Valkey by which gateways on several machines share rate limits and news.

    Needs the extra `redis`. Requests never wait for it.
    """

    url: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=2048,
                description="Where it is: redis://HOST:PORT/DB, rediss:// with TLS, or unix://PATH; with a "
                "password only as a reference to an environment variable. Not set: nothing is shared.",
                examples=["${REDIS_URL}"],
            ),
        ]
        | UnsetType
    ) = UNSET
    prefix: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_.:-]+$",
            max_length=64,
            description="Begins the name of every key. Gateways with the same one share.",
        ),
    ] = "halfopen"
