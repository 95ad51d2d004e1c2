"""The settings of `halfopen.toml`.

One struct is one table. Description, range and default stand at each field, and the check, the JSON
Schema, the example file and the reference page are all made from them.
"""

from halfopen.rollout.settings.dashboard import Dashboard
from halfopen.rollout.settings.export import Otel, Statsd
from halfopen.rollout.settings.file import Settings
from halfopen.rollout.settings.gateway import Gateway
from halfopen.rollout.settings.model import Model
from halfopen.rollout.settings.objective import Objective
from halfopen.rollout.settings.policy import Breaker, Limit, Parking, Policy, Retry, Slowness
from halfopen.rollout.settings.processes import Processes
from halfopen.rollout.settings.provider import LOCAL_ONLY, Provider
from halfopen.rollout.settings.redact import Redact
from halfopen.rollout.settings.redis import Redis
from halfopen.rollout.settings.route import Defaults, Route
from halfopen.rollout.settings.store import Store
from halfopen.rollout.settings.table import Table

__all__ = [
    "LOCAL_ONLY",
    "Breaker",
    "Dashboard",
    "Defaults",
    "Gateway",
    "Limit",
    "Model",
    "Objective",
    "Otel",
    "Parking",
    "Policy",
    "Processes",
    "Provider",
    "Redact",
    "Redis",
    "Retry",
    "Route",
    "Settings",
    "Slowness",
    "Statsd",
    "Store",
    "Table",
]
