"""The policies that can be compared: one a file, each with its rules and its source."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from halfopen.simulator.strategies.configured import make_configured
from halfopen.simulator.strategies.finagle import make_finagle
from halfopen.simulator.strategies.grpc import make_grpc
from halfopen.simulator.strategies.halfopen import make_halfopen
from halfopen.simulator.strategies.jitter import make_jitter
from halfopen.simulator.strategies.listed import Listed
from halfopen.simulator.strategies.naive import make_naive
from halfopen.simulator.strategies.none import make_none
from halfopen.simulator.strategies.sdk import make_sdk

__all__ = ["STRATEGIES", "Listed", "make_configured", "make_halfopen"]

STRATEGIES: Final[Mapping[str, Listed]] = MappingProxyType(
    {
        "none": Listed("One call to the first target; no retry.", make_none),
        "sdk": Listed("The official SDKs' own: 2 retries at the same target after 0.5 to 8 s.", make_sdk),
        "grpc": Listed("gRPC's: 3 calls, while failures are few against successes (gRFC A6).", make_grpc),
        "finagle": Listed("Finagle's: 2 retries, for a fifth of the requests and 10 a second.", make_finagle),
        "naive": Listed("At once the next target in the list, 3 calls, no budget.", make_naive),
        "jitter": Listed("3 calls at the same target with full jitter, no budget.", make_jitter),
        "halfopen": Listed("Halfopen with its defaults.", make_halfopen()),
    }
)
"""By name, in the order in which tables and plots show them."""
