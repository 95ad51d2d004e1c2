"""A client of bare bytes, so that what is tested is what is on the wire."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from halfopen.lab import LabProvider

KEYS = {
    "openai": {"authorization": "Bearer lab"},
    "anthropic": {"x-api-key": "lab", "anthropic-version": "2023-06-01"},
    "gemini": {"x-goog-api-key": "lab"},
}
MODELS = {"openai": "gpt-4o-mini", "anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
END_S = 5.0


@dataclass
class Seen:
    """All that came back on a connection."""

    raw: bytes = b""
    error: str | None = None
    """refused, reset or None for an end in order."""
    timed_out: bool = False

    @property
    def head(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.raw[9:12])

    @property
    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}

    @property
    def body(self) -> bytes:
        """The body without its framing."""
        rest = self.raw.partition(b"\r\n\r\n")[2]
        return unchunked(rest)[0] if self.headers.get("transfer-encoding") == "chunked" else rest

    @property
    def whole(self) -> bool:
        """Whether the framing says that the body is complete."""
        rest = self.raw.partition(b"\r\n\r\n")[2]
        if self.headers.get("transfer-encoding") == "chunked":
            return unchunked(rest)[1]
        length = self.headers.get("content-length")
        return length is not None and len(rest) == int(length)

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of each event, decoded; `[DONE]` as a string."""
        found = []
        for block in self.body.replace(b"\r\n", b"\n").split(b"\n\n"):
            for line in block.split(b"\n"):
                if line.startswith(b"data: "):
                    data = line[6:]
                    found.append("[DONE]" if data == b"[DONE]" else msgspec.json.decode(data))
        return found


def unchunked(data: bytes) -> tuple[bytes, bool]:
    """The decoded chunks, and whether the last one came."""
    found = b""
    while data:
        size_line, _, rest = data.partition(b"\r\n")
        try:
            size = int(size_line, 16)
        except ValueError:
            return found, False
        if size == 0:
            return found, True
        found += rest[:size]
        if len(rest) < size + 2:
            return found, False
        data = rest[size + 2 :]
    return found, False


def request_bytes(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: lab", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def chat(
    dialect: str, prompt: str = "What is the weather?", *, stream: bool = False, **more: Any
) -> tuple[str, dict[str, Any]]:
    """The path and body of a simple request."""
    model = more.pop("model", MODELS[dialect])
    if dialect == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{model}:{verb}", {
            "contents": [{"role": "user", "parts": [{"text": prompt}]}],
            **more,
        }
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": prompt}], **more}
    if stream:
        body["stream"] = True
    if dialect == "anthropic":
        body.setdefault("max_tokens", 500)
        return "/v1/messages", body
    return "/v1/chat/completions", body


@dataclass
class Wire:
    """Sends bytes to a provider and collects what comes."""

    provider: LabProvider
    closed: list[asyncio.StreamWriter] = field(default_factory=list)

    async def send(
        self, raw: bytes, *, requests: int = 1, end_s: float = END_S, quiet_s: float = 0.05
    ) -> Seen:
        """Send, then read until the end, or until nothing came for `quiet_s` after something did."""
        seen = Seen()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.provider.port)
        except ConnectionRefusedError:
            seen.error = "refused"
            return seen
        except ConnectionResetError:
            seen.error = "reset"
            return seen
        try:
            for number in range(requests):
                if number:
                    seen.raw = b""
                writer.write(raw)
                await self._read(reader, seen, end_s, quiet_s)
        except (ConnectionResetError, BrokenPipeError):
            seen.error = "reset"
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return seen

    async def _read(self, reader: asyncio.StreamReader, seen: Seen, end_s: float, quiet_s: float) -> None:
        until = asyncio.get_running_loop().time() + end_s
        while True:
            left = until - asyncio.get_running_loop().time()
            try:
                data = await asyncio.wait_for(reader.read(1 << 20), min(quiet_s, max(left, 0.001)))
            except TimeoutError:
                seen.timed_out = True
                return
            if not data:
                return
            seen.raw += data
            if self._complete(seen):
                return

    @staticmethod
    def _complete(seen: Seen) -> bool:
        try:
            return b"\r\n\r\n" in seen.raw and len(seen.raw) < 1 << 20 and seen.whole
        except ValueError:
            return False

    async def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **more: Any
    ) -> Seen:
        """One request with the dialect's key."""
        data = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
        return await self.send(
            request_bytes(method, path, KEYS[self.provider.dialect] if headers is None else headers, data),
            **more,
        )

    async def chat(self, prompt: str = "What is the weather?", *, stream: bool = False, **more: Any) -> Seen:
        """A simple chat request."""
        path, body = chat(self.provider.dialect, prompt, stream=stream, **more)
        return await self.call("POST", path, body)


@pytest.fixture
def with_lab() -> Callable[..., Any]:
    """Runs a coroutine function against a started provider: `with_lab("openai", play)`."""

    def run(dialect: str, play: Callable[[LabProvider, Wire], Awaitable[Any]], **options: Any) -> Any:
        async def main() -> Any:
            async with LabProvider(dialect, **options) as provider:
                return await play(provider, Wire(provider))

        return asyncio.run(main())

    return run


@pytest.fixture
def chat_request() -> Callable[..., tuple[str, dict[str, Any]]]:
    """The path and body of a simple request."""
    return chat


@pytest.fixture
def wire_of() -> Callable[[LabProvider], Wire]:
    """A bare client of a provider."""
    return Wire


@pytest.fixture
def models() -> dict[str, str]:
    """A model a dialect."""
    return MODELS
