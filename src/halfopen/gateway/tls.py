"""TLS towards one origin: verified, and with its sessions resumed.

asyncio has no way to hand a session to a new connection, so the context does it: every new
connection is offered the session of the last one that served. Resuming saves a round trip and the
certificate's verification on each new connection.

Source: RFC 8446, section 2.2 (resumption).
"""

import ssl
from typing import Any, Self


class ResumingContext(ssl.SSLContext):
    """A client's context for one origin. Sessions must not be shared between origins."""

    session: ssl.SSLSession | None = None

    @classmethod
    def make(cls) -> Self:
        """Certificates and host names are verified against the system's authorities."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """Make a connection's TLS, resuming the last session where there is one."""
        if self.session is not None:
            options.setdefault("session", self.session)
        return super().wrap_bio(*args, **options)

    def remember(self, tls: ssl.SSLObject | None) -> None:
        """Keep the session of a connection that has served: its tickets have come by then."""
        if tls is not None and tls.session is not None:
            self.session = tls.session


def reason_of(problem: ssl.SSLError) -> str:
    """Why TLS failed, in the words that tell most."""
    if isinstance(problem, ssl.SSLCertVerificationError) and problem.verify_message:
        return f"the certificate was not accepted: {problem.verify_message}"
    return problem.reason or str(problem)
