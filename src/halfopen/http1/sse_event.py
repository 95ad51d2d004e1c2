"""A server-sent event."""

import msgspec


class SseEvent(msgspec.Struct, frozen=True, gc=False):
    """One event as it came."""

    raw: bytes
    """All its bytes with the blank line that ends it."""
    data: bytes = b""
    """The data lines, joined by LF; empty for a comment or a ping."""
    event: str = ""
    """The event's name; empty when none was given."""
    stray: bytes = b""
    """Lines that are no SSE field, joined by LF."""

    @property
    def is_comment(self) -> bool:
        """Whether nothing but comments came, as in `: ping`."""
        return not self.data and not self.event and not self.stray
