"""Who has shown the token once gets a cookie that says so until it expires.

The cookie holds the time of its end and an HMAC over it, keyed by the token: nothing is kept here, a restart
ends no session, and another token ends all of them.
"""

import hashlib
import hmac
import secrets
from typing import Final

LASTS_S: Final = 12 * 3600
_PURPOSE: Final = b"halfopen dashboard session 1"
_COOKIE_MAX: Final = 200


class Sessions:
    """Makes cookies and tells whether one is good."""

    def __init__(self, token: str) -> None:
        """`token` is what people must know."""
        self._key = hmac.digest(token.encode(), _PURPOSE, hashlib.sha256)

    def issue(self, now_s: float) -> str:
        """The value of a new cookie. `now_s`: seconds since the Unix epoch."""
        told = f"{int(now_s) + LASTS_S}.{secrets.token_hex(8)}"
        return f"{told}.{self._signature(told)}"

    def is_good(self, cookie: str, now_s: float) -> bool:
        """Whether it was issued here and has not expired."""
        told, _, signature = cookie.rpartition(".")
        if len(cookie) > _COOKIE_MAX or not cookie.isascii():
            return False
        # The signature first: what stands before it is ours only if that is right.
        if not hmac.compare_digest(signature, self._signature(told)):
            return False
        return now_s < int(told.partition(".")[0])

    def _signature(self, told: str) -> str:
        return hmac.digest(self._key, told.encode(), hashlib.sha256).hex()
