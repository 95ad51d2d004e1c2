"""A snapshot brought to life: pools, target states and routes with their waiting lines."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from halfopen.gateway.line import Line
from halfopen.gateway.pool import Origin, Pool
from halfopen.gateway.timers import Wheel
from halfopen.gateway.tls import ResumingContext
from halfopen.model import Outcome, Target
from halfopen.policy import Credential, JourneyOptions, TargetState
from halfopen.providers import Call, Dialect, catalogue, dialect_of
from halfopen.providers.clients.relay import ANY_MODEL
from halfopen.redact import Redactor, known
from halfopen.rollout.snapshot import ProviderSpec, Snapshot
from halfopen.seams import Clock, Entropy

OutcomeSink = Callable[[Outcome], None]
"""Told when a request is over. Must return at once and never raise."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the gateway is handed from outside."""

    clock: Clock
    entropy: Entropy
    new_id: Callable[[], str]
    on_outcome: OutcomeSink
    answer_headers: tuple[tuple[str, str], ...] = ()
    """Sent with every answer."""


class ProviderRuntime:
    """One provider: its connections, dialect and key."""

    __slots__ = ("_base_path", "_head_end", "_headers", "_key", "dialect", "pool", "spec")

    def __init__(
        self, spec: ProviderSpec, secrets: Mapping[str, str], loop: asyncio.AbstractEventLoop
    ) -> None:
        """Connects when the first call comes. Raises KeyError for a secret that is not there."""
        parts = urlsplit(spec.base_url)
        tls = parts.scheme == "https"
        host = parts.hostname or ""
        port = parts.port or (443 if tls else 80)
        origin = Origin(
            host,
            port,
            tls=ResumingContext.make() if tls else None,
            connect_s=spec.connect_s,
            connections_max=spec.connections_max,
            idle_s=spec.idle_s,
        )
        self.spec = spec
        self.pool = Pool(origin, loop)
        self.dialect: Dialect = dialect_of(spec.dialect, spec.flavour, spec.base_url)
        self._base_path = parts.path.rstrip("/")
        key = spec.key_value(secrets)
        # A line end at the end of a key, as files and shells leave it, would end the header.
        self._key = None if key is None else key.strip()
        extra = "".join(f"{name}: {value}\r\n" for name, value in spec.header_values(secrets))
        self._headers = (
            f"host: {parts.netloc}\r\nuser-agent: halfopen\r\naccept-encoding: identity\r\n{extra}".encode()
        )

    @property
    def key(self) -> str | None:
        """The provider's key. Never log it."""
        return self._key

    def request(self, call: Call) -> tuple[bytes, bytes]:
        """The call as bytes: head and body."""
        headers = "".join(f"{name}: {value}\r\n" for name, value in call.headers)
        head = b"%b %b HTTP/1.1\r\n%b%bcontent-length: %d\r\n\r\n" % (
            call.method.encode("ascii"),
            self._path(call.path).encode("ascii", "replace"),
            self._headers,
            headers.encode("latin-1", "replace"),
            len(call.body),
        )
        return head, call.body

    def _path(self, path: str) -> str:
        """Join base path and path; a version segment that both have counts once."""
        last = self._base_path.rpartition("/")[2]
        if last and path.startswith(f"/{last}/"):
            path = path[len(last) + 1 :]
        return self._base_path + path


class RouteRuntime:
    """One route: the shared states of its targets, and who waits for them."""

    __slots__ = ("line", "name", "options", "states")

    def __init__(self, name: str, options: JourneyOptions, states: list[TargetState], line: Line) -> None:
        """Targets in order of preference."""
        self.name = name
        self.options = options
        self.states = states
        self.line = line


class Runtime:
    """Everything that requests under one snapshot share."""

    def __init__(
        self,
        snapshot: Snapshot,
        secrets: Mapping[str, str],
        surroundings: Surroundings,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """Builds states and pools; opens no connection."""
        self.snapshot = snapshot
        self.surroundings = surroundings
        self.loop = loop
        self.wheel = Wheel(loop)
        self.draining = False
        """Whether connections are closed after the answer that they carry."""
        self.redactor: Redactor = known(secrets.values())
        self.providers = {
            name: ProviderRuntime(spec, secrets, loop) for name, spec in snapshot.providers.items()
        }
        self._waiting_max = snapshot.gateway.queue_max
        self.routes: dict[str, RouteRuntime] = {}
        self.relays: dict[str, RouteRuntime] = {}
        """The same routes with the times of what is relayed, and one for requests that name no model."""
        self._lines: dict[str, list[Line]] = {}
        self._build_routes(loop.time())

    @property
    def waiting(self) -> int:
        """Requests in all lines."""
        lines = {id(route.line): len(route.line) for route in self.relays.values()}
        return sum(lines.values())

    def holds_secret(self, text: str) -> bool:
        """Whether a secret of the configuration stands in `text`, whole."""
        return any(form in text for form in self.redactor.secrets)

    def route_for(self, model: str) -> RouteRuntime | None:
        """Where a request for this model goes; a dated name has the route of the model that it dates."""
        return self.routes.get(model) or self.routes.get(catalogue.undated(model))

    def relay_for(self, model: str) -> RouteRuntime | None:
        """Where a relayed request for this model goes; None: no provider has OpenAI's API."""
        return self.relays.get(model) or self.relays.get(ANY_MODEL)

    def wake(self, target: str, count: int) -> None:
        """Room may have become free at a target: tell the first in each line that leads there."""
        for line in self._lines.get(target, ()):
            if len(line):
                line.wake(count)

    def close(self) -> None:
        """Close every upstream connection."""
        for provider in self.providers.values():
            provider.pool.close()

    def _build_routes(self, now: float) -> None:
        policy = self.snapshot.policy
        entropy = self.surroundings.entropy
        credentials = {name: Credential(policy.parking) for name in self.snapshot.providers}
        states: dict[str, TargetState] = {}
        for name, spec in self.snapshot.routes.items():
            line = self._new_line()
            for target in spec.targets:
                if target.name not in states:
                    credential = credentials[target.provider]
                    states[target.name] = TargetState(target, credential, policy, entropy, now)
                self._lines.setdefault(target.name, []).append(line)
            route_states = [states[target.name] for target in spec.targets]
            self.routes[name] = RouteRuntime(name, spec.options, route_states, line)
            self.relays[name] = RouteRuntime(name, self._relay_options(spec.options), route_states, line)
        kept = [spec for spec in self.snapshot.providers.values() if spec.dialect == "openai"]
        targets = [Target(spec.name, ANY_MODEL, spec.dialect) for spec in kept if spec.local is None]
        if targets:
            line = self._new_line()
            self._lines |= {target.name: [line] for target in targets}
            relayed = [
                TargetState(each, credentials[each.provider], policy, entropy, now) for each in targets
            ]
            self.relays[ANY_MODEL] = RouteRuntime(
                ANY_MODEL, self._relay_options(JourneyOptions()), relayed, line
            )

    def _new_line(self) -> Line:
        return Line(lambda: self.waiting < self._waiting_max)

    def _relay_options(self, options: JourneyOptions) -> JourneyOptions:
        patience_s = self.snapshot.gateway.relay_timeout_s
        return replace(options, deadline_s=patience_s, attempt_s=patience_s)
