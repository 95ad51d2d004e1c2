"""What of a request can't be said as a chat completion request."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Losses:
    """Filled while a request is translated."""

    native_only: str | None = None
    """Why only a provider of the client's own dialect can serve it: the first reason found."""
    dropped: list[str] = field(default_factory=list)
    """Wishes that are lost, a short ASCII phrase each."""

    def only_native(self, reason: str) -> None:
        """Note that the rest of the request can't replace this."""
        if self.native_only is None:
            self.native_only = f"only Gemini has {reason}".encode("ascii", "replace").decode()[:120]

    def drop(self, wish: str) -> None:
        """Note a wish without which the answer is as valid."""
        if wish not in self.dropped:
            self.dropped.append(wish)
