"""All oracles, by the number of their invariant."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from oracle import Oracle
from oracle_breaker import Unmoved
from oracle_budget import Budget
from oracle_commit import Committed
from oracle_deadline import InTime
from oracle_delays import Delays
from oracle_parking import Parked
from oracle_permits import Permits
from oracle_reserve import Reserved

ORACLES: Final[Mapping[int, type[Oracle]]] = MappingProxyType(
    {each.number: each for each in (Budget, InTime, Committed, Permits, Unmoved, Delays, Parked, Reserved)}
)
