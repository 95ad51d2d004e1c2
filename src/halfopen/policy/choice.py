"""In which order the targets of a route are tried.

Rules
1. A choice only arranges: no target is left out. Which of them is fit, open and has room is found
   out later, in this order. The first one is the request's own; the others are failovers.
2. ORDER: as the route lists them.
3. WEIGHT: each comes first, and next among those that are left, in proportion to its weight. Weights
   that are missing are 1. Weight 0 comes last: a stand-in.
4. LEAST_LOADED: by the part of the limit that would be in use after this call. So of idle ones that
   with the larger limit is first, and one that showed overload, whose limit fell, gets less. Ties are
   broken at random: many gateways that see nothing in flight would else all start with the same one.
   All are compared, not two drawn at random: two choices are for news that is old or dear, while
   these are one's own calls, counted before the next request is arranged.
5. FASTEST: by the median time to first token, then by the route's order. One that is not known is
   behind those that are. Now and then (2 % of the requests) another one is put first, so that it is
   noticed when it has become faster; one that is not known sooner (10 %), until it is.
6. CHEAPEST: by the price of this request's tokens, then by the route's order. Unknown prices come last.

Sources: P. Efraimidis and P. Spirakis, "Weighted random sampling with a reservoir", Information
Processing Letters 97, 2006; Envoy's least-request balancer (active requests + 1); M. Mitzenmacher,
"The power of two choices in randomized load balancing", 2001.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from halfopen.model import Demand, Price
from halfopen.policy.never import NEVER
from halfopen.seams import Entropy

if TYPE_CHECKING:
    from halfopen.policy.target import TargetState


class Choice(StrEnum):
    """How the order is found."""

    ORDER = "order"
    """As the route lists them."""
    WEIGHT = "weight"
    """At random, in proportion to weights."""
    LEAST_LOADED = "least_loaded"
    """The one with the smallest part of its limit in use."""
    FASTEST = "fastest"
    """The one with the lowest time to first token."""
    CHEAPEST = "cheapest"
    """The one with the lowest price for this request."""


_EXPLORED: Final = 0.02
"""Share of the requests that try one that is not the fastest."""
_EXPLORED_UNKNOWN: Final = 0.1
"""The same while there is one whose times are not known."""
_INPUT_PER_OUTPUT: Final = 4
"""Tokens in for each token out, when only one of them is known, or none."""


def arranged(
    states: "Sequence[TargetState]",
    choice: Choice,
    weights: Sequence[float],
    demand: Demand,
    entropy: Entropy,
) -> "Sequence[TargetState]":
    """The targets in the order in which this request tries them.

    Args:
        states: The targets, in the route's order.
        choice: How they are arranged.
        weights: For `Choice.WEIGHT`: one for each target, in the route's order.
        demand: What the request asks; for `Choice.CHEAPEST`.
        entropy: Draws from 0 to 1.
    """
    if choice is Choice.ORDER or len(states) < 2:
        return states
    if choice is Choice.FASTEST:
        return _fastest(states, entropy)
    if choice is Choice.WEIGHT:
        keys = [_turn(weights[i] if i < len(weights) else 1.0, entropy) for i in range(len(states))]
    elif choice is Choice.LEAST_LOADED:
        return _least_loaded(states, entropy)
    else:
        keys = [_cost(state.target.price, demand) for state in states]
    return [states[i] for i in sorted(range(len(states)), key=keys.__getitem__)]


def _turn(weight: float, entropy: Entropy) -> float:
    """Sorted by this, the permutation is random in proportion to weights: the order of u^(1/w), reversed.

    The logarithm keeps small weights apart, for which the power is 0.
    """
    if not weight > 0.0:
        return NEVER
    return -math.log(1.0 - entropy()) / weight


def _least_loaded(states: "Sequence[TargetState]", entropy: Entropy) -> "list[TargetState]":
    loads = [(state.limiter.in_flight + 1) / state.limiter.limit for state in states]
    order = sorted(range(len(states)), key=loads.__getitem__)
    if loads[order[0]] == loads[order[1]]:
        draws = [entropy() for _ in states]
        order.sort(key=lambda i: (loads[i], draws[i]))
    return [states[i] for i in order]


def _fastest(states: "Sequence[TargetState]", entropy: Entropy) -> "list[TargetState]":
    known: list[tuple[float, int]] = []
    unknown: list[TargetState] = []
    for i, state in enumerate(states):
        median_s = state.first_content.percentile(0.5)
        if median_s is None:
            unknown.append(state)
        else:
            known.append((median_s, i))
    if not known:
        return unknown
    order = [states[i] for _, i in sorted(known)]
    if not unknown and len(order) < 2:
        return order
    share = _EXPLORED_UNKNOWN if unknown else _EXPLORED
    others = unknown or order[1:]
    order += unknown
    draw = entropy()
    if draw < share:
        explored = others[min(int(draw / share * len(others)), len(others) - 1)]
        order.remove(explored)
        order.insert(0, explored)
    return order


def _cost(price: Price | None, demand: Demand) -> float:
    """US dollars for a million such requests."""
    if price is None:
        return NEVER
    given, answered = demand.input_tokens, demand.output_tokens
    given = given or _INPUT_PER_OUTPUT * (answered or 1)
    return price.input * given + price.output * (answered or given / _INPUT_PER_OUTPUT)
