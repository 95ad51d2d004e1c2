"""The whole of `halfopen.toml`."""

from typing import Annotated

from msgspec import Meta, field

from halfopen.rollout.settings.dashboard import Dashboard
from halfopen.rollout.settings.export import Otel, Statsd
from halfopen.rollout.settings.gateway import Gateway
from halfopen.rollout.settings.objective import Objective
from halfopen.rollout.settings.policy import Policy
from halfopen.rollout.settings.processes import Processes
from halfopen.rollout.settings.provider import Provider
from halfopen.rollout.settings.redact import Redact
from halfopen.rollout.settings.redis import Redis
from halfopen.rollout.settings.route import Defaults, Route
from halfopen.rollout.settings.store import Store
from halfopen.rollout.settings.table import Table

ProviderName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=64,
        description="A name of your choosing; targets use it before the slash.",
    ),
]
ObjectiveName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        max_length=64,
        description="A name of your choosing.",
    ),
]
RouteName = Annotated[
    str, Meta(min_length=1, max_length=256, description="The model name that clients send.")
]


class Settings(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Configuration of Halfopen."""

    gateway: Gateway = field(default_factory=Gateway)
    providers: Annotated[
        dict[ProviderName, Provider], Meta(description="Who answers, by a name of your choosing.")
    ] = field(default_factory=dict)
    routes: Annotated[
        dict[RouteName, Route], Meta(description="Model names and the places that answer them.")
    ] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    policy: Policy = field(default_factory=Policy)
    processes: Processes = field(default_factory=Processes)
    store: Store = field(default_factory=Store)
    redis: Redis = field(default_factory=Redis)
    redact: Redact = field(default_factory=Redact)
    objectives: Annotated[
        dict[ObjectiveName, Objective],
        Meta(description="What users are promised, by a name of your choosing."),
    ] = field(default_factory=dict)
    dashboard: Dashboard = field(default_factory=Dashboard)
    statsd: Statsd = field(default_factory=Statsd)
    otel: Otel = field(default_factory=Otel)
