"""One gateway in front of simulated providers of all three dialects, for the official clients.

Everything runs in one thread beside the tests, which use the clients as applications do. Tests that
break a provider get providers and a gateway of their own.
"""

import asyncio
import importlib.util
import re
import ssl
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any, Literal

import anthropic
import openai
import pytest
from google import genai
from google.genai import types
from msgspec import structs
from pydantic import BaseModel

from halfopen.gateway import paths
from halfopen.gateway.server import GatewayServer
from halfopen.http1 import KnownHead
from halfopen.lab import LabProvider, expected_text
from halfopen.lab.matrix.askers.typed import wrong_type
from halfopen.lab.matrix.case import BACKUPS, MODELS
from halfopen.lab.matrix.case import PROVIDERS as NAMES
from halfopen.lab.matrix.setting import spec_of, started, target_of
from halfopen.lab.server import HOST
from halfopen.policy import AfterCommit, JourneyOptions
from halfopen.providers import Answer
from halfopen.providers.clients.generate import GENERATE
from halfopen.rollout.settings import Gateway
from halfopen.rollout.snapshot import RouteSpec, Snapshot

PROVIDERS = ("openai", "anthropic", "gemini")
THINKERS = {"openai": "gpt-5", "anthropic": "claude-sonnet-4-6", "gemini": "gemini-2.5-flash"}
EMBEDDERS = {"openai": "text-embedding-3-small", "gemini": "gemini-embedding-001"}
INSTRUCT = "gpt-3.5-turbo-instruct"
PATIENCE_S = 30.0
PROMPT = "What is the weather in Berlin?"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def _table() -> ModuleType:
    """The plain module beside this one, under a name of its own."""
    full = "clients_tests_table"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).parent / "table.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


def pytest_configure(config: pytest.Config) -> None:
    """Count what is tested here, and print it at the end."""
    config.addinivalue_line("markers", "feature(name): the column of the table of clients and providers")
    kind = _table().Table
    if not any(isinstance(plugin, kind) for plugin in config.pluginmanager.get_plugins()):
        config.pluginmanager.register(kind())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell the table, across processes, what each test is about."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent != here or item.path.stem == "test_table":
            continue
        marker = item.get_closest_marker("feature")
        if marker is None:
            raise pytest.UsageError(f"{item.nodeid} has no feature marker")
        callspec = getattr(item, "callspec", None)
        client = item.path.stem.removeprefix("test_").partition("_")[0]  # test_messages_errors as well
        any_provider = "openai" if client == "relay" else "-"
        provider = any_provider if callspec is None else callspec.params.get("provider", any_provider)
        item.user_properties.append(("clients-table", [client, provider, marker.args[0]]))


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        """Starts the thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run in the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Stage:
    """A gateway that runs, with what is behind it."""

    base_url: str
    """Without a version at its end."""
    providers: Mapping[str, LabProvider]
    outcomes: list[Any] = field(default_factory=list)
    """What the gateway told of each request."""

    def model(self, provider: str) -> str:
        """The name of the provider's own model."""
        return MODELS[provider]

    def text(self, provider: str, prompt: str, **more: Any) -> str:
        """What the provider's model says."""
        return expected_text(provider, MODELS[provider], prompt, **more)


async def _gateway(stage: Stage, routes: list[RouteSpec]) -> GatewayServer:
    specs = [spec_of(provider) for provider in stage.providers.values()]
    snapshot = Snapshot(
        Gateway(), {spec.name: spec for spec in specs}, {route.name: route for route in routes}
    )
    server = await started(snapshot, stage.outcomes.append)
    stage.base_url = f"http://{HOST}:{server.port}"
    return server


@pytest.fixture(scope="session")
def table() -> ModuleType:
    """The module that counts."""
    return _table()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """Where gateways and providers run."""
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="session")
def stage(loop: Loop) -> Iterator[Stage]:
    """A healthy gateway: routes app-, thinker- and embed- for each provider, and some more."""
    providers = {dialect: LabProvider(dialect) for dialect in PROVIDERS}
    stage = Stage("", providers)

    async def start() -> GatewayServer:
        for provider in providers.values():
            await provider.start()
        routes = [
            RouteSpec(f"{kind}-{dialect}", (target_of(providers[dialect], models[dialect]),))
            for kind, models in (("app", MODELS), ("thinker", THINKERS), ("embed", {**MODELS, **EMBEDDERS}))
            for dialect in PROVIDERS
        ]
        routes.append(RouteSpec("complete-openai", (target_of(providers["openai"], INSTRUCT),)))
        return await _gateway(stage, routes)

    server = loop.run(start())
    yield stage

    async def stop() -> None:
        await server.stop()
        for provider in providers.values():
            await provider.stop()

    loop.run(stop())


Breaks = Callable[..., Stage]


@pytest.fixture
def broken(loop: Loop) -> Iterator[Breaks]:
    """Makes a gateway whose route `app` leads to a broken provider first, then to a whole one.

    Called with the dialect that is broken, its fault and the fault's options; `elsewhere` is the fault of the
    other one, if it shall have one, `after_commit` is the route's policy.
    """
    stops: list[Callable[[], Coroutine[Any, Any, None]]] = []

    def make(
        dialect: str,
        fault: str,
        *,
        elsewhere: str | None = None,
        after_commit: str = "continue",
        models: Mapping[str, str] = MODELS,
        backup: str | None = None,
        **options: Any,
    ) -> Stage:
        primary, second = LabProvider(dialect), LabProvider(backup or BACKUPS[dialect])
        stage = Stage("", {dialect: primary, second.dialect: second})

        async def start() -> GatewayServer:
            for provider in (primary, second):
                await provider.start()
                stops.append(provider.stop)
            primary.set_fault(fault, **options)
            if elsewhere is not None:
                second.set_fault(elsewhere)
            targets = tuple(target_of(each, models[each.dialect]) for each in (primary, second))
            journey = JourneyOptions(after_commit=AfterCommit(after_commit), deadline_s=8.0)
            return await _gateway(stage, [RouteSpec("app", targets, journey)])

        server = loop.run(start())
        stops.append(server.stop)
        return stage

    yield make

    async def stop() -> None:
        for each in reversed(stops):
            await each()

    loop.run(stop())


@pytest.fixture
def dead(broken: Breaks, provider: str) -> Stage:
    """A gateway whose providers all answer 500."""
    return broken(provider, "http_500_text", elsewhere="http_500_text")


@pytest.fixture
def overloaded(broken: Breaks, provider: str) -> Stage:
    """A gateway whose providers all say, each in its own words, that they are overloaded."""
    faults = {
        "openai": "openai_503_server_is_overloaded",
        "anthropic": "anthropic_529_overloaded",
        "gemini": "gemini_503_unavailable",
    }
    return broken(provider, faults[provider], elsewhere=faults[BACKUPS[provider]])


@dataclass(frozen=True)
class Failing:
    """A gateway whose first provider answers 500, and what comes from the second one."""

    stage: Stage
    first: str
    text: str
    model: str

    def asked_first(self) -> bool:
        """Whether the first provider was asked at all."""
        return self.stage.providers[self.first].met > 0


@pytest.fixture
def failing(broken: Breaks, provider: str) -> Failing:
    """A gateway whose first provider answers 500."""
    stage, backup = broken(provider, "http_500_text"), BACKUPS[provider]
    return Failing(stage, provider, stage.text(backup, PROMPT), stage.model(backup))


@pytest.fixture
def broken_call(broken: Breaks, provider: str, stream: bool) -> Stage:
    """A gateway whose first provider is cut in a call of a tool, or answers 500 if nothing is streamed."""
    if stream:
        return broken(provider, "stream_cut_after_content", in_call=True)
    return broken(provider, "http_500_text")


@pytest.fixture
def cut(broken: Breaks, provider: str) -> Stage:
    """A gateway whose first provider's stream is cut in the text."""
    return broken(provider, "stream_cut_after_content", content_events=12)


@pytest.fixture
def check_joined(provider: str) -> Callable[[str], None]:
    """Asserts that a text was begun by the provider and continued by the one that stands in for it."""

    def check(text: str) -> None:
        backup = BACKUPS[provider]
        assert text.startswith(f"Lab answer from {provider}/{MODELS[provider]} to: {PROMPT}.")
        assert f"Continued by {backup}/{MODELS[backup]}." in text

    return check


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    """Who is behind the gateway: each provider in turn."""
    found: str = request.param
    return found


@pytest.fixture(params=["plain", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    """Whether the answer is streamed."""
    return bool(request.param == "stream")


def _no_tls() -> ssl.SSLContext:
    """Nothing here speaks TLS: an empty context saves reading the system's certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class Sent:
    """The HTTP requests that the clients of one test have sent."""

    paths: list[str] = field(default_factory=list)

    def note(self, request: Any) -> None:
        """A request hook of the clients' HTTP library."""
        self.paths.append(request.url.path)


@pytest.fixture(scope="session")
def watch() -> Sent:
    """Told of every request of every client."""
    return Sent()


@pytest.fixture
def sent(watch: Sent) -> Sent:
    """What was sent in this test, repetitions included."""
    watch.paths.clear()
    return watch


@pytest.fixture(scope="session")
def openai_at(watch: Sent) -> Iterator[Callable[[Stage], openai.OpenAI]]:
    """Makes OpenAI clients with their own settings, at a gateway."""
    hooks = {"request": [watch.note]}
    with openai.DefaultHttpxClient(verify=_no_tls(), trust_env=False, event_hooks=hooks) as http:
        yield lambda stage: openai.OpenAI(
            api_key="lab", base_url=f"{stage.base_url}/v1", timeout=PATIENCE_S, http_client=http
        )


@pytest.fixture
def gpt(stage: Stage, openai_at: Callable[[Stage], openai.OpenAI]) -> openai.OpenAI:
    """The OpenAI client at the healthy gateway."""
    return openai_at(stage)


@pytest.fixture
def async_gpt(stage: Stage) -> Callable[[], openai.AsyncOpenAI]:
    """Makes the asynchronous OpenAI client at the healthy gateway."""
    return lambda: openai.AsyncOpenAI(
        api_key="lab",
        base_url=f"{stage.base_url}/v1",
        http_client=openai.DefaultAsyncHttpxClient(verify=False, trust_env=False),
    )


@pytest.fixture
def check_error(sent: Sent) -> Callable[[Any], None]:
    """Asserts that an error has the members of OpenAI's and the id under which to ask, and wasn't repeated."""

    def check(error: Any) -> None:
        assert error.request_id
        assert error.message
        assert set(error.body) >= {"message", "type", "param", "code"}
        assert len(sent.paths) == 1

    return check


@pytest.fixture(scope="session")
def anthropic_at(watch: Sent) -> Iterator[Callable[[Stage], anthropic.Anthropic]]:
    """Makes Anthropic clients with their own settings, at a gateway."""
    hooks = {"request": [watch.note]}
    with anthropic.DefaultHttpxClient(verify=_no_tls(), trust_env=False, event_hooks=hooks) as http:
        yield lambda stage: anthropic.Anthropic(
            api_key="lab", base_url=stage.base_url, timeout=PATIENCE_S, http_client=http
        )


@pytest.fixture(scope="session")
def genai_at(watch: Sent) -> Iterator[Callable[[Stage], genai.Client]]:
    """Makes Gemini clients with their own settings, at a gateway; one for each, because they are slow to make."""
    made: dict[str, genai.Client] = {}
    no_tls = {"verify": _no_tls(), "trust_env": False}

    def at(stage: Stage) -> genai.Client:
        if stage.base_url not in made:
            options = types.HttpOptions(
                base_url=stage.base_url,
                timeout=int(PATIENCE_S * 1000),
                client_args={**no_tls, "event_hooks": {"request": [watch.note]}},
                async_client_args=no_tls,
            )
            made[stage.base_url] = genai.Client(api_key="lab", vertexai=False, http_options=options)
        return made[stage.base_url]

    yield at
    for client in made.values():
        client.close()


class Altered:
    """A dialect of clients with a bug: what it writes is altered, or another dialect writes in its place."""

    def __init__(self, right: Any, alter: Callable[[bytes], bytes], writes: Any) -> None:
        """`alter` is applied to whole answers and to each piece of a stream; `writes` is who writes them."""
        self.right, self.alter, self.writes = right, alter, writes

    def __getattr__(self, name: str) -> Any:
        """Everything else stays right."""
        return getattr(self.right, name)

    def translation(self, dialect: Any, target: Any) -> Any:
        """The pair whose whole answers are wrong."""
        if self.writes is self.right:
            right = self.right.translation(dialect, target)
            return AlteredPair(self, right, right)
        mute = Mute(dialect)
        return AlteredPair(self, self.right.translation(mute, target), self.writes.translation(mute, target))

    def writer(self, ask: Any, **more: Any) -> Any:
        """The writer whose events are wrong."""
        return AlteredWriter(self.writes.writer(ask, **more), self.alter)


class Mute:
    """A provider's dialect that speaks no client's own: every pair with it goes by way of a chat."""

    def __init__(self, right: Any) -> None:
        """`right` does the rest."""
        self.right = right

    def __getattr__(self, name: str) -> Any:
        """Everything else stays right."""
        return getattr(self.right, name)

    def speaks(self, *_: Any) -> bool:
        """No."""
        return False


class AlteredPair:
    """A translation whose answers are altered."""

    def __init__(self, bug: Altered, right: Any, writes: Any) -> None:
        """`right` asks, `writes` answers."""
        self.bug, self.right, self.writes = bug, right, writes

    def __getattr__(self, name: str) -> Any:
        """Everything else stays right."""
        return getattr(self.right, name)

    def answer(self, ask: Any, target: Any, reply: Any, **more: Any) -> Any:
        """The altered answer."""
        answer = self.writes.answer(ask, target, reply, **more)
        return (
            structs.replace(answer, body=self.bug.alter(answer.body))
            if isinstance(answer, Answer)
            else answer
        )

    def reader(self, ask: Any, target: Any, **more: Any) -> Any:
        """The reader that goes with the writer."""
        return self.writes.reader(ask, target, **more)


class AlteredWriter:
    """A writer whose bytes are altered."""

    def __init__(self, right: Any, alter: Callable[[bytes], bytes]) -> None:
        """`right` writes, `alter` spoils."""
        self.right, self.alter = right, alter

    def __getattr__(self, name: str) -> Any:
        """Everything else stays right."""
        return getattr(self.right, name)

    def write(self, event: Any) -> bytes:
        """One event."""
        return self.alter(self.right.write(event))

    def finish(self) -> bytes:
        """The end."""
        return self.alter(self.right.finish())


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Plants a bug in the dialect of a path until the test is over.

    Called with the path and the bug: either a regular expression in what is written and what takes its place,
    or the dialect that writes instead.
    """

    def change(path: str, bug: Any) -> None:
        old, new, writes = (*bug, None) if isinstance(bug, tuple) else (b"(?!)", b"", bug)
        # A head that is known is known with its dialect, too.
        monkeypatch.setattr(KnownHead, "body_of", lambda *_: None)

        def alter(data: bytes) -> bytes:
            return re.sub(old, new, data)

        if path == "generate":
            right: Any = GENERATE
            monkeypatch.setattr(paths, "GENERATE", Altered(right, alter, writes or right))
        else:
            right = paths.POSTED[path.encode()]
            bug = Altered(right, alter, writes or right)
            monkeypatch.setattr(paths, "POSTED", {**paths.POSTED, path.encode(): bug})

    return change


@pytest.fixture
def noticed(plant: Callable[..., None]) -> Callable[..., AbstractContextManager[None]]:
    """Plants a bug, and asserts that what is done then fails, but not for a gateway that didn't answer.

    Called with the path, the bug, the client's own ways to fail and its error for a gateway's failure.
    """

    @contextmanager
    def planted(path: str, bug: Any, own: tuple[type[Exception], ...], refusal: type) -> Iterator[None]:
        plant(path, bug)
        with pytest.raises((AssertionError, TypeError, AttributeError, IndexError, *own)) as caught:
            yield
        assert not isinstance(caught.value, refusal)

    return planted


@pytest.fixture(scope="session")
def function() -> Callable[..., dict[str, Any]]:
    """Describes a function by its name; `schema` is the member that has its parameters."""

    def described(name: str, *, schema: str = "parameters", **more: Any) -> dict[str, Any]:
        parameters = {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        }
        return {"name": name, "description": f"Tells the {name}.", schema: parameters, **more}

    return described


class Wind(BaseModel):
    """A part of a forecast."""

    speed: float
    direction: Literal["north", "south"]


class Forecast(BaseModel):
    """What a structured answer shall be."""

    city: str
    days: list[int]
    wind: Wind


@pytest.fixture(scope="session")
def forecast() -> Forecast:
    """The structured answer that the simulated providers give."""
    return Forecast(city="lab text", days=[7], wind=Wind(speed=7, direction="north"))


@pytest.fixture(scope="session")
def pixel() -> str:
    """A PNG of one point, in base64."""
    return PIXEL


@pytest.fixture(scope="session")
def typed() -> Callable[..., None]:
    """Asserts that an object of a client has every field that its type promises, in its type."""

    def check(value: Any, *free: str) -> None:
        assert wrong_type(value, *free) is None

    return check


@pytest.fixture(scope="session")
def backups() -> Mapping[str, str]:
    """Who stands in for whom in `broken`."""
    return BACKUPS


@pytest.fixture(scope="session")
def target_names() -> Mapping[str, str]:
    """The target of each provider's route as headers name it."""
    return {dialect: f"{NAMES[dialect]}/{MODELS[dialect]}" for dialect in PROVIDERS}
