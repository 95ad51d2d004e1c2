"""A snapshot: everything that a gateway needs to serve, resolved, frozen and without secrets."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from halfopen.model import Target
from halfopen.model.content import ContentOptions
from halfopen.policy.options import JourneyOptions, PacerOptions, PolicyOptions
from halfopen.rollout import reference
from halfopen.rollout.settings import (
    Dashboard,
    Gateway,
    Objective,
    Otel,
    Processes,
    Redact,
    Redis,
    Statsd,
    Store,
)

_ID_LENGTH = 16


@dataclass(frozen=True, slots=True)
class LocalSpec:
    """A model that Halfopen starts and watches itself."""

    gguf: str | None = None
    """Path of the model file; None: the small model of the installed package."""
    context_tokens: int = 4096
    """Tokens of prompt and answer together."""
    threads: int = 0
    """0: one for each core."""
    start_s: float = 60.0
    """A start that takes longer has failed. Seconds."""
    parallel: int = 2
    """Requests that are answered at the same time; more wait."""
    answer_tokens: int = 512
    """Most tokens of an answer to a request that sets no limit itself."""


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """Somebody who answers, and how to reach them."""

    name: str
    dialect: str
    """openai, anthropic or gemini."""
    base_url: str
    """Without a slash at the end. Empty for a local model: its address is known once it runs."""
    key: str | None = None
    """The first key: a reference such as `${OPENAI_API_KEY}`, never the key itself. None: no key is sent."""
    flavour: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Extra headers; values may hold references."""
    connect_s: float = 5.0
    connections_max: int = 256
    idle_s: float = 30.0
    local: LocalSpec | None = None
    more_keys: tuple[str, ...] = ()
    """References to the keys after the first. Empty when there is no `key`."""
    limits: PacerOptions = field(default_factory=PacerOptions)
    """The rate limits of each model behind each key, as far as the configuration states them."""
    model_limits: tuple[tuple[str, PacerOptions], ...] = ()
    """Those of models that have their own, by model, in alphabetical order."""

    @property
    def keys(self) -> tuple[str, ...]:
        """References to all keys, in order of preference. Empty: no key is sent."""
        return () if self.key is None else (self.key, *self.more_keys)

    def pacer_options(self, model: str) -> PacerOptions:
        """The rate limits of one model behind each key."""
        return dict(self.model_limits).get(model, self.limits)

    def key_values(self, secrets: Mapping[str, str]) -> tuple[str, ...]:
        """All keys themselves, in the order of `keys`, to be used and forgotten.

        Raises:
            KeyError: As `key_value`.
        """
        return tuple(reference.resolve(key, secrets) for key in self.keys)

    def key_value(self, secrets: Mapping[str, str]) -> str | None:
        """The first key itself, to be used and forgotten.

        Raises:
            KeyError: The reference has no value. The secrets loaded with the snapshot have them all.
        """
        return None if self.key is None else reference.resolve(self.key, secrets)

    def header_values(self, secrets: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """The extra headers with their secrets filled in.

        Raises:
            KeyError: As `key_value`.
        """
        return tuple((name, reference.resolve(value, secrets)) for name, value in self.headers)


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """Where requests for one model name go."""

    name: str
    """The model name that clients send."""
    targets: tuple[Target, ...]
    """In order of preference."""
    options: JourneyOptions = field(default_factory=JourneyOptions)
    content: ContentOptions | None = None
    """What is kept of prompts and answers; None: nothing."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One whole configuration. Two with the same content have the same id."""

    gateway: Gateway
    providers: Mapping[str, ProviderSpec]
    routes: Mapping[str, RouteSpec]
    policy: PolicyOptions = field(default_factory=PolicyOptions)
    processes: Processes = field(default_factory=Processes)
    store: Store = field(default_factory=Store)
    redis: Redis = field(default_factory=Redis)
    redact: Redact = field(default_factory=Redact)
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    dashboard: Dashboard = field(default_factory=Dashboard)
    statsd: Statsd = field(default_factory=Statsd)
    otel: Otel = field(default_factory=Otel)
    id: str = field(default="", compare=False)
    """First hex digits of the SHA-256 over the canonical JSON of everything else."""

    def at(self, provider: str, base_url: str) -> "Snapshot":
        """The same snapshot with the address of a local model that is running now.

        The id stays: where a local model happens to run is not configuration.

        Raises:
            KeyError: There is no such provider.
        """
        placed = replace(self.providers[provider], base_url=base_url.rstrip("/"))
        return replace(self, providers={**self.providers, provider: placed})


def sealed(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the id of its content."""
    return replace(snapshot, id=hashlib.sha256(canonical(snapshot)).hexdigest()[:_ID_LENGTH])


def canonical(snapshot: Snapshot) -> bytes:
    """The content as JSON with sorted keys, without the id. Equal content gives equal bytes."""
    content = {
        "gateway": snapshot.gateway,
        "dashboard": snapshot.dashboard,
        "objectives": dict(snapshot.objectives),
        "otel": snapshot.otel,
        "policy": snapshot.policy,
        "processes": snapshot.processes,
        "providers": dict(snapshot.providers),
        "redact": snapshot.redact,
        "redis": snapshot.redis,
        "routes": dict(snapshot.routes),
        "statsd": snapshot.statsd,
        "store": snapshot.store,
    }
    return msgspec.json.encode(content, order="sorted")
