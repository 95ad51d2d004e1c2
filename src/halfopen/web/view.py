"""What a page shows, apart from its frame."""

import msgspec


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One view as it is now."""

    title: str
    health: str
    """The value of a `signals.overview.Health`."""
    html: str
    status: int = 200
    """Of the HTTP answer."""


class NoViewError(Exception):
    """There is no such page."""
