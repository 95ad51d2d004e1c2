"""What a row of the catalogue holds."""

from dataclasses import dataclass

from halfopen.model import Capabilities, Price


@dataclass(frozen=True, slots=True)
class Entry:
    """One model as its vendor describes it."""

    model: str
    """The vendor's name of it, without a date."""
    capabilities: Capabilities
    price: Price | None
    """The standard price of a short prompt; None: not confirmed at the source."""
    source: str
    """The vendor's page with the limits."""
    retires: str | None = None
    """The day on which the vendor turns it off (ISO 8601); None: none announced."""


@dataclass(frozen=True, slots=True)
class Family:
    """What holds for models that have no row, by the beginning of their names."""

    pattern: str
    """A regular expression that the start of the name must match."""
    capabilities: Capabilities
