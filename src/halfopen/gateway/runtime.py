"""A snapshot brought to life: pools, target states and routes with their waiting lines.

A target's freed room is offered to the requests of the routes whose first choice it is before those
that would only fail over to it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from secrets import token_bytes
from urllib.parse import urlsplit

from halfopen.gateway.pool import Origin, Pool
from halfopen.gateway.timers import Wheel
from halfopen.gateway.tls import ResumingContext
from halfopen.model import Outcome, Target
from halfopen.policy import Credential, JourneyOptions, TargetState
from halfopen.policy.hedge import HedgeBudget
from halfopen.policy.queue import Line
from halfopen.providers import Call, Dialect, catalogue, dialect_of
from halfopen.providers.clients.relay import ANY_MODEL
from halfopen.redact import Redactor, known
from halfopen.rollout.snapshot import ProviderSpec, Snapshot
from halfopen.seams import Clock, Entropy

_SECRET_BYTES = 32
_REPEATS = "x-stainless-retry-count"
"""By this the official clients tell a server that they repeat a request; so do we."""

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
    caller_secret: bytes = field(default_factory=lambda: token_bytes(_SECRET_BYTES), repr=False)
    """Makes the hashes by which callers are told apart this process's own."""


class ProviderRuntime:
    """One provider: its connections, dialect and keys."""

    __slots__ = ("_base_path", "_headers", "dialect", "keys", "pool", "spec")

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
        # A line end at the end of a key, as files and shells leave it, would end the header.
        self.keys: tuple[str | None, ...] = tuple(key.strip() for key in spec.key_values(secrets)) or (None,)
        """The provider's keys, at least one; None: it takes no key. Never log them."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in spec.header_values(secrets))
        self._headers = (
            f"host: {parts.netloc}\r\nuser-agent: halfopen\r\naccept-encoding: identity\r\n{extra}".encode()
        )

    def request(self, call: Call, repeats: int = 0) -> tuple[bytes, bytes]:
        """The call as bytes: head and body. `repeats`: how often it has been sent before."""
        headers = "".join(f"{name}: {value}\r\n" for name, value in call.headers)
        if repeats:
            headers += f"{_REPEATS}: {repeats}\r\n"
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

    __slots__ = ("hedge", "line", "name", "options", "states")

    def __init__(self, name: str, options: JourneyOptions, states: list[TargetState], line: Line) -> None:
        """Targets in order of preference."""
        self.name = name
        self.options = options
        self.states = states
        self.line = line
        self.hedge = HedgeBudget(options.hedge)
        """What may be spent on second calls."""

    def let_go(self, now: float) -> None:
        """Before somebody else looks for room: whoever is at the head of the line may take it."""
        if len(self.line) and any(
            state.limiter.has_room_for(now, own=True) and state.retry_at(now) <= now for state in self.states
        ):
            self.line.wake(1, now)


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
        self._build_routes(loop.time())
        self._lines = self._lines_by_target()
        """The lines that lead to each target; first those of routes whose first choice it is."""

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

    def wake(self, target: str, count: int, now: float) -> None:
        """Room may have become free at a target: tell the first in each line that leads there."""
        for line in self._lines.get(target, ()):
            if len(line):
                line.wake(count, now)

    def close(self) -> None:
        """Close every upstream connection."""
        for provider in self.providers.values():
            provider.pool.close()

    def _build_routes(self, now: float) -> None:
        credentials = self._credentials()
        states: dict[str, TargetState] = {}
        for name, spec in self.snapshot.routes.items():
            line = self._new_line()
            for target in spec.targets:
                if target.name not in states:
                    states[target.name] = self._new_state(target, credentials, now)
            route_states = [states[target.name] for target in spec.targets]
            self.routes[name] = RouteRuntime(name, spec.options, route_states, line)
            self.relays[name] = RouteRuntime(name, self._relay_options(spec.options), route_states, line)
        kept = [spec for spec in self.snapshot.providers.values() if spec.dialect == "openai"]
        targets = [Target(spec.name, ANY_MODEL, spec.dialect) for spec in kept if spec.local is None]
        if targets:
            line = self._new_line()
            relayed = [self._new_state(target, credentials, now) for target in targets]
            self.relays[ANY_MODEL] = RouteRuntime(
                ANY_MODEL, self._relay_options(JourneyOptions()), relayed, line
            )

    def _credentials(self) -> dict[str, list[Credential]]:
        """One for each key, shared by all targets behind it."""
        parking = self.snapshot.policy.parking
        return {
            name: [Credential(parking) for _ in provider.keys] for name, provider in self.providers.items()
        }

    def _new_state(
        self, target: Target, credentials: Mapping[str, list[Credential]], now: float
    ) -> TargetState:
        return TargetState(
            target,
            credentials[target.provider],
            self.snapshot.policy,
            self.surroundings.entropy,
            now,
            pacing=self.snapshot.providers[target.provider].pacer_options(target.model),
        )

    def _lines_by_target(self) -> dict[str, list[Line]]:
        lines: dict[str, list[Line]] = {}
        for own in (True, False):
            for route in self.relays.values():
                for index, state in enumerate(route.states):
                    leading = lines.setdefault(state.target.name, [])
                    if (index == 0) is own and route.line not in leading:
                        leading.append(route.line)
        return lines

    def _new_line(self) -> Line:
        return Line(lambda: self.waiting < self._waiting_max)

    def _relay_options(self, options: JourneyOptions) -> JourneyOptions:
        patience_s = self.snapshot.gateway.relay_timeout_s
        return replace(options, deadline_s=patience_s, attempt_s=patience_s)
