"""`[gateway]`: the address that clients use, and the bounds on what they send."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from halfopen.rollout.settings.table import Table, number, seconds, size

_MIB = 1024 * 1024


class Gateway(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The address that clients use, and the bounds on what they send."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            description="Address to listen on. 0.0.0.0 or :: lets other machines in; `halfopen keys create` "
            "makes keys that they then need.",
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        number(1, 32_767, "Port to listen on. Ports from 32768 up are left to outgoing connections."),
    ] = 8500
    require_key: (
        Annotated[
            bool,
            Meta(
                description="Whether requests need a key of `halfopen keys`. Not set: as soon as one "
                "was made. false: no, but one that is sent still tells the caller, and its budget holds.",
                examples=[True],
            ),
        ]
        | UnsetType
    ) = UNSET
    request_max_bytes: Annotated[
        int, size(1024, 1024 * _MIB, "Largest request body. A larger one is answered with 413.")
    ] = 32 * _MIB
    header_max_bytes: Annotated[
        int, size(1024, _MIB, "Largest head of a request: its first line and its headers.")
    ] = 64 * 1024
    answer_max_bytes: Annotated[
        int,
        size(
            1024, 1024 * _MIB, "Largest answer of an upstream, after decompression. More counts as a fault."
        ),
    ] = 64 * _MIB
    request_timeout_s: Annotated[
        float,
        seconds(0.1, 3600, "A client must have sent its whole request by then. Later is answered with 408."),
    ] = 30.0
    idle_timeout_s: Annotated[
        float, seconds(1, 3600, "A client's connection without a request is closed after this long.")
    ] = 75.0
    relay_timeout_s: Annotated[
        float,
        seconds(
            1,
            3600,
            "A request for the rest of OpenAI's API (files, images, audio, batches), from its arrival on.",
        ),
    ] = 600.0
    queue_max: Annotated[
        int,
        number(
            0,
            100_000,
            "Requests that may wait for room at a target. When there are more, those with the weakest claim "
            "are answered with 503, or with 429 when one caller has too many.",
            "requests",
        ),
    ] = 1000
    connections_max: Annotated[
        int,
        number(
            1,
            100_000,
            "Clients' connections open at once. Beyond them each worker accepts 16 for `/healthz` and "
            "`/readyz`, and answers 503 to anything else there. More wait in the listening socket.",
            "connections",
        ),
    ] = 4096
