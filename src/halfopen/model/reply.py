"""What came back from an upstream, as raw evidence for the decoder."""

from enum import StrEnum

import msgspec


class TransportError(StrEnum):
    """How a connection failed, seen from our side of it."""

    DNS = "dns"
    REFUSED = "refused"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    RESET = "reset"
    """The far side reset or closed the connection before a whole response head came."""
    CUT = "cut"
    """The connection ended inside the body: before Content-Length or the last chunk."""
    PROTOCOL = "protocol"
    """The bytes were not HTTP, or broke a bound of ours on headers."""
    TOO_LARGE = "too_large"
    """The body passed our bound."""
    NO_RESPONSE = "no_response"
    """No whole response within the attempt's time."""
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"
    STALLED = "stalled"
    DRIPPING = "dripping"
    STREAM_TOO_LONG = "stream_too_long"


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One upstream's reply, or what there is of it."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Names in any case, values as sent."""
    body: bytes = b""
    transport: TransportError | None = None
    detail: str = ""
    """The transport error in words, such as the operating system's message."""
    dialect: str | None = None
    """Whose error shape to expect: openai, anthropic, gemini; None: not known."""
