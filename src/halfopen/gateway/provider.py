"""A provider brought to life: its connections, its dialect and its keys."""

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from halfopen.gateway.pool import Origin, Pool
from halfopen.gateway.tls import ResumingContext
from halfopen.providers import Call, Dialect, dialect_of
from halfopen.rollout.snapshot import ProviderSpec

_STARTS_MAX: Final = 256
_REPEATS: Final = "x-stainless-retry-count"
"""By this the official clients tell a server that they repeat a request; so do we."""


class ProviderRuntime:
    """One provider: its connections, dialect and keys."""

    __slots__ = ("_base_path", "_headers", "_starts", "dialect", "identity", "keys", "pool", "spec")

    def __init__(
        self,
        spec: ProviderSpec,
        secrets: Mapping[str, str],
        loop: asyncio.AbstractEventLoop,
        before: "ProviderRuntime | None" = None,
    ) -> None:
        """Connects when the first call comes.

        Args:
            spec: Whom to reach, and how.
            secrets: The values that its references name.
            loop: Where it runs.
            before: The same provider until now. Its connections are kept if they lead to the same origin.

        Raises:
            KeyError: A secret is not there.
        """
        parts = urlsplit(spec.base_url)
        self.spec = spec
        kept = before is not None and _same_origin(before.spec, spec)
        self.pool: Pool = before.pool if before and kept else Pool(_origin(spec), loop)
        self.dialect: Dialect = dialect_of(spec.dialect, spec.flavour, spec.base_url)
        self._base_path = parts.path.rstrip("/")
        # A line end at the end of a key, as files and shells leave it, would end the header.
        self.keys: tuple[str | None, ...] = tuple(key.strip() for key in spec.key_values(secrets)) or (None,)
        """The provider's keys, at least one; None: it takes no key. Never log them."""
        headers = spec.header_values(secrets)
        self.identity = (spec.base_url, spec.dialect, spec.flavour, self.keys, headers)
        """What is known of its targets holds as long as this is the same. Never log it."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
        self._starts: dict[tuple[str, str, tuple[tuple[str, str], ...], int], bytes] = {}
        """The heads of calls up to the length, by what makes them up: few differ. They hold keys."""
        self._headers = (
            f"host: {parts.netloc}\r\nuser-agent: halfopen\r\naccept-encoding: identity\r\n{extra}".encode()
        )

    def request(self, call: Call, repeats: int = 0, trace: bytes = b"") -> tuple[bytes, bytes]:
        """The call as bytes: head and body.

        Args:
            call: What to send.
            repeats: How often it has been sent before.
            trace: Header lines that are its own.
        """
        shape = (call.method, call.path, call.headers, repeats)
        start = self._starts.get(shape)
        if start is None:
            if len(self._starts) >= _STARTS_MAX:
                self._starts.clear()
            start = self._starts[shape] = self._start(call, repeats)
        return b"%b%d\r\n%b\r\n" % (start, len(call.body), trace), call.body

    def _start(self, call: Call, repeats: int) -> bytes:
        """The head of a call up to the length of its body."""
        headers = "".join(f"{name}: {value}\r\n" for name, value in call.headers)
        if repeats:
            headers += f"{_REPEATS}: {repeats}\r\n"
        return b"%b %b HTTP/1.1\r\n%b%bcontent-length: " % (
            call.method.encode("ascii"),
            self._path(call.path).encode("ascii", "replace"),
            self._headers,
            headers.encode("latin-1", "replace"),
        )

    def _path(self, path: str) -> str:
        """Join base path and path; a version segment that both have counts once."""
        last = self._base_path.rpartition("/")[2]
        if last and path.startswith(f"/{last}/"):
            path = path[len(last) + 1 :]
        return self._base_path + path


def _origin(spec: ProviderSpec) -> Origin:
    parts = urlsplit(spec.base_url)
    tls = parts.scheme == "https"
    return Origin(
        parts.hostname or "",
        parts.port or (443 if tls else 80),
        tls=ResumingContext.make() if tls else None,
        connect_s=spec.connect_s,
        connections_max=spec.connections_max,
        idle_s=spec.idle_s,
    )


def _same_origin(old: ProviderSpec, new: ProviderSpec) -> bool:
    """Whether connections of one are good for the other."""
    one, other = urlsplit(old.base_url), urlsplit(new.base_url)
    bounds = old.connect_s, old.connections_max, old.idle_s
    return (
        (one.scheme, one.netloc) == (other.scheme, other.netloc)
        and bounds == (new.connect_s, new.connections_max, new.idle_s)
    )  # fmt: skip
