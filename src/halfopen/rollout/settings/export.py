"""`[statsd]` and `[otel]`: who else is told of what happens."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from halfopen.rollout.settings.table import Table, number, seconds


class Statsd(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A DogStatsD agent that is sent counts by UDP."""

    host: (
        Annotated[
            str,
            Meta(
                min_length=1, max_length=255, description="The agent. Not set: none.", examples=["127.0.0.1"]
            ),
        ]
        | UnsetType
    ) = UNSET
    port: Annotated[int, number(1, 65_535, "Its port.")] = 8125
    every_s: Annotated[float, seconds(1, 300, "Between two datagrams of counts.")] = 10.0
    prefix: Annotated[
        str,
        Meta(pattern=r"^[a-z][a-z0-9_.]*$", max_length=64, description="Begins the name of every metric."),
    ] = "halfopen"
    tags: Annotated[
        dict[str, str],
        Meta(max_length=20, description="Sent with every metric.", examples=[{"env": "production"}]),
    ] = field(default_factory=dict)


class Otel(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A receiver of OpenTelemetry by OTLP over HTTP. Needs the extra `otel`."""

    endpoint: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=2048,
                description="Its address, without /v1/traces. Not set: none.",
                examples=["http://127.0.0.1:4318"],
            ),
        ]
        | UnsetType
    ) = UNSET
    headers: Annotated[
        dict[str, str],
        Meta(
            max_length=20,
            description="Sent with every request; values may hold references to environment variables.",
            examples=[{"x-tenant": "7"}],
        ),
    ] = field(default_factory=dict)
    traces: Annotated[
        float, number(0, 1, "The part of whole answers that is traced. Failures always are.")
    ] = 1.0
    metrics: Annotated[bool, Meta(description="Whether metrics are sent.")] = True
    logs: Annotated[
        bool, Meta(description="Whether a log record is sent of each request that failed or was rescued.")
    ] = True
    temporality: Annotated[
        Literal["cumulative", "delta"], Meta(description="Of metrics. Datadog wants delta.")
    ] = "cumulative"
    service: Annotated[str, Meta(min_length=1, max_length=128, description="The service's name.")] = (
        "halfopen"
    )
