"""Requests, targets, streams and the official client for the tests of Google's clients."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from google import genai
from google.genai import types

from halfopen import errors
from halfopen.model import Capabilities, Fault, Kind, Reply, Target
from halfopen.providers import DIALECTS, Answer, Chat, ClientRequest, Failure
from halfopen.providers.clients.generate import GENERATE
from halfopen.providers.contract import StreamEvent, StreamKind, Translation

STREAMS = Path(__file__).parents[3] / "contracts" / "streams"
MODELS = {"gemini": "gemini-2.5-flash", "openai": "gpt-4.1", "anthropic": "claude-haiku-4-5"}
HI = [{"role": "user", "parts": [{"text": "Hi"}]}]


@dataclass(frozen=True)
class Desk:
    """Makes what a test of this dialect needs."""

    official: genai.Client
    next_reply: list[httpx2.Response]

    def request(self, path: str = "/v1beta/models/fast:generateContent", /, **fields: Any) -> ClientRequest:
        path, _, query = path.partition("?")
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        body = msgspec.json.encode({"contents": HI, **fields})
        return ClientRequest(path, {name: value for name, _, value in pairs}, {}, body)

    def ask(self, path: str = "/v1beta/models/fast:generateContent", /, **fields: Any) -> Chat:
        parsed = GENERATE.parse(self.request(path, **fields))
        assert isinstance(parsed, Chat), parsed
        return parsed

    def stream(self, /, **fields: Any) -> Chat:
        return self.ask("/v1beta/models/fast:streamGenerateContent?alt=sse", **fields)

    def array(self, /, **fields: Any) -> Chat:
        return self.ask("/v1beta/models/fast:streamGenerateContent", **fields)

    def chat(self, /, **fields: Any) -> dict[str, Any]:
        """The chat completion request that a request means to every provider."""
        ask = self.ask(**fields)
        assert ask.native_only is None, ask.native_only
        return ask.deep

    def fault(self, /, **fields: Any) -> Fault:
        parsed = GENERATE.parse(self.request(**fields))
        assert isinstance(parsed, Fault), parsed
        return parsed

    def target(self, dialect: str, model: str | None = None, **able: Any) -> Target:
        capabilities = Capabilities(**({"reasoning": True, "prefill": False} | able))
        return Target(dialect, model or MODELS[dialect], dialect, capabilities)

    def pair(self, dialect: str, model: str | None = None) -> Translation:
        return GENERATE.translation(DIALECTS[dialect], self.target(dialect, model))

    def recorded(self, name: str) -> bytes:
        return (STREAMS / f"{name}.txt").read_bytes()

    def events(self, dialect: str, data: bytes, ask: Chat | None = None) -> list[StreamEvent]:
        """What the reader of a pair makes of a whole stream; without its DONE."""
        ask = ask or self.stream()
        reader = self.pair(dialect).reader(ask, self.target(dialect), created_s=1)
        events = [*reader.feed(data), *reader.close()]
        assert events[-1].kind is StreamKind.DONE, events[-1]
        return events[:-1]

    def written(self, events: Iterable[StreamEvent], ask: Chat | None = None) -> bytes:
        """The client's bytes for a whole stream."""
        writer = GENERATE.writer(ask or self.stream(), request_id="req-1", created_s=1)
        return b"".join([*(writer.write(event) for event in events), writer.finish()])

    def whole(self, dialect: str, body: Any, ask: Chat | None = None) -> Answer | Fault:
        reply = Reply(
            200, (), body if isinstance(body, bytes) else msgspec.json.encode(body), dialect=dialect
        )
        return self.pair(dialect).answer(ask or self.ask(), self.target(dialect), reply, created_s=1)

    def answered(self, dialect: str, body: Any, ask: Chat | None = None) -> types.GenerateContentResponse:
        """A whole answer as the official client gives it to the application."""
        answer = self.whole(dialect, body, ask)
        assert isinstance(answer, Answer), answer
        return self.client(answer.body).models.generate_content(model="fast", contents="Hi")

    def client(self, body: bytes, *, status: int = 200, piece: int = 1 << 20) -> genai.Client:
        """The official client, whose next call is answered with `body`, in pieces of a given size."""
        pieces = (body[at : at + piece] for at in range(0, len(body), piece))
        self.next_reply.append(httpx2.Response(status, content=pieces))
        return self.official

    def read(self, body: bytes, *, piece: int = 1 << 20) -> "Read":
        """A stream as the official client gives it to the application."""
        client = self.client(body, piece=piece)
        return Read(list(client.models.generate_content_stream(model="fast", contents="Hi")))

    def failure(self, kind: Kind = Kind.OVERLOADED, status: int = 503, **known: Any) -> Failure:
        fault = errors.make(kind, known.pop("message", "Too busy."), **known)
        return Failure(fault, status, "req-1", {"kind": kind.value, "attempts": 2})


@dataclass(frozen=True)
class Read:
    """The responses of one stream, as an application adds them up."""

    responses: list[types.GenerateContentResponse] = field(default_factory=list)

    @property
    def parts(self) -> list[types.Part]:
        candidates = [each for response in self.responses for each in response.candidates or []]
        return [
            part
            for each in candidates
            if not each.index and each.content is not None
            for part in each.content.parts or []
        ]

    @property
    def text(self) -> str:
        return "".join(part.text or "" for part in self.parts if not part.thought)

    @property
    def thoughts(self) -> str:
        return "".join(part.text or "" for part in self.parts if part.thought)

    @property
    def calls(self) -> list[types.FunctionCall]:
        return [call for response in self.responses for call in response.function_calls or []]

    @property
    def reasons(self) -> list[str]:
        return [
            each.finish_reason.value
            for response in self.responses
            for each in response.candidates or []
            if each.finish_reason is not None
        ]

    @property
    def usage(self) -> types.GenerateContentResponseUsageMetadata | None:
        return self.responses[-1].usage_metadata


def chunk(delta: Any = None, finish: str | None = None, index: int = 0, **fields: Any) -> bytes:
    """One chunk of a chat completion as an event."""
    choice: dict[str, Any] = {"index": index, "delta": delta or {}, "finish_reason": finish}
    if "logprobs" in fields:
        choice["logprobs"] = fields.pop("logprobs")
    whole = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4.1"}
    return b"data: " + msgspec.json.encode(whole | {"choices": [choice]} | fields) + b"\n\n"


@pytest.fixture(scope="session")
def desk() -> Desk:
    """One client for all tests: it loads the system's certificates each time it is made."""
    replies: list[httpx2.Response] = []
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _request: replies.pop()))
    options = types.HttpOptions(base_url="http://gateway.test", httpx_client=http)
    return Desk(genai.Client(api_key="none", http_options=options), replies)


@pytest.fixture(scope="session")
def chunked() -> Callable[..., bytes]:
    return chunk


@pytest.fixture(scope="session")
def completion() -> Callable[..., dict[str, Any]]:
    """Makes a whole chat completion of one choice; `message` and `choice` say what is special."""

    def make(message: dict[str, Any], finish: str = "stop", **choice: Any) -> dict[str, Any]:
        told = {"role": "assistant", "content": None} | message
        return {
            "id": "chatcmpl-abc",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4.1-2025-04-14",
            "choices": [{"index": 0, "message": told, "finish_reason": finish} | choice],
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
        }

    return make
