"""How each policy looks: peers muted, Halfopen in one strong colour.

Colours differ in lightness and lines in dashes, so that nobody needs to tell hues apart. The strong ones
are from Okabe and Ito, "Color universal design", 2008.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

INK: Final = "#222222"
FAINT: Final = "#666666"
GRID: Final = "#e4e4e4"
REQUESTS: Final = "#ececec"
SHADE: Final = "#faecd0"
"""The time of a fault."""
BAR: Final = "#e9c46a"
"""A fault in the strip above."""


@dataclass(frozen=True, slots=True)
class Look:
    """A line and its label."""

    colour: str
    width: float
    dashes: tuple[float, ...] = ()
    """Lengths of dashes and gaps in line widths; empty: a whole line."""
    is_ours: bool = False


_MUTED: Final = 2.2
_STRONG: Final = 4.2
_PEERS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        "none": Look("#6b6b6b", _MUTED),
        "sdk": Look("#96603c", _MUTED, (5.0, 1.5)),
        "grpc": Look("#55728a", _MUTED, (1.2, 1.2)),
        "finagle": Look("#7d6597", _MUTED, (5.0, 1.5, 1.2, 1.5)),
        "naive": Look("#8a7430", _MUTED, (2.5, 1.5)),
        "jitter": Look("#47796d", _MUTED, (7.0, 1.5, 1.2, 1.5, 1.2, 1.5)),
    }
)
_OURS: Final = Look("#0072b2", _STRONG, is_ours=True)
_CONFIGURED: Final = (
    Look("#c95400", 3.4, (2.6, 1.2), is_ours=True),
    Look("#00805d", 3.4, (1.2, 1.2), is_ours=True),
    Look("#a3447f", 3.4, (2.6, 1.2, 1.0, 1.2), is_ours=True),
)
"""Configurations, in the order in which they are named; then from the first again.

They often do as Halfopen does: dashed, so that both are seen.
"""


def looks(policies: Sequence[str]) -> dict[str, Look]:
    """The look of each policy."""
    found: dict[str, Look] = {}
    configured = 0
    for name in policies:
        if name in _PEERS:
            found[name] = _PEERS[name]
        elif name == "halfopen":
            found[name] = _OURS
        else:
            found[name] = _CONFIGURED[configured % len(_CONFIGURED)]
            configured += 1
    return found
