"""Who may look.

Rules
1. With a token, whoever looks shows it: people once, for a cookie; programs with each request.
2. Without one, only this machine can connect, and the Host header must name this machine: a page from
   elsewhere that has its own name resolved to a loopback address reads nothing.
3. Tokens are compared in constant time. The right one is let in however many wrong ones came: behind a proxy
   all share an address, and nobody may keep a scrape out by guessing. What keeps guesses from hitting is the
   length of the token; the bound on wrong ones tells whoever goes on to stop.
"""

import hmac
import ipaddress
import time
from collections.abc import Callable
from enum import Enum
from typing import Final

from starlette.requests import Request

from halfopen.web.attempts import Attempts
from halfopen.web.session import Sessions

COOKIE: Final = "halfopen"
_TOKEN_MAX: Final = 1024


class Ruling(Enum):
    """What is said to a request."""

    WELCOME = "welcome"
    FOREIGN_HOST = "foreign_host"
    """It names another host than this machine."""
    UNKNOWN = "unknown"
    """It shows no token, or a wrong one."""
    TOO_MANY = "too_many"
    """It shows a wrong token, and too many of these came."""


class Access:
    """Rules on requests."""

    def __init__(
        self,
        token: str | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`token`: what people must know; None: nobody but this machine can connect.

        Raises:
            ValueError: The token is empty, which everybody knows.
        """
        if token is not None and not token.strip():
            raise ValueError("the dashboard's token is empty")
        self._token = token
        self._monotonic = monotonic
        self._wall = wall
        self._attempts = Attempts()
        self.sessions = None if token is None else Sessions(token)

    def ruling(self, request: Request) -> Ruling:
        """Whether this request may see anything."""
        if self.sessions is None:
            return (
                Ruling.WELCOME if names_this_machine(request.headers.get("host", "")) else Ruling.FOREIGN_HOST
            )
        if self.sessions.is_good(request.cookies.get(COOKIE, ""), self._wall()):
            return Ruling.WELCOME
        scheme, _, told = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return Ruling.UNKNOWN
        return self.check(told.strip(), request)

    def check(self, told: str, request: Request) -> Ruling:
        """Whether this is the token."""
        assert self._token is not None
        if len(told) <= _TOKEN_MAX and hmac.compare_digest(told.encode(), self._token.encode()):
            return Ruling.WELCOME
        address = request.client.host if request.client is not None else ""
        now = self._monotonic()
        if self._attempts.wait_s(address, now) > 0.0:
            return Ruling.TOO_MANY
        self._attempts.failed(address, now)
        return Ruling.UNKNOWN

    def wait_s(self, request: Request) -> int:
        """Whole seconds until the sender may try a token again."""
        address = request.client.host if request.client is not None else ""
        return int(self._attempts.wait_s(address, self._monotonic())) + 1

    def cookie(self) -> str:
        """The value of a cookie for somebody who has shown the token."""
        assert self.sessions is not None
        return self.sessions.issue(self._wall())


def names_this_machine(host: str) -> bool:
    """Whether a Host header is a loopback address or name, whatever the port."""
    name = host.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
