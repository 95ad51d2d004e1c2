"""`[objectives.NAME]`: what users are promised."""

from typing import Annotated, Literal

from msgspec import Meta

from halfopen.rollout.settings.table import Table, number, seconds

Promise = Literal["availability", "first_token", "tokens_per_s", "valid"]
"""What is counted as good. `availability`: a whole answer; what the client did wrong, or gave up, counts for
nothing. `first_token`: one whose first content came within `within_s`. `tokens_per_s`: one that came at
`at_least` tokens a second or faster. `valid`: the upstream's first answer was one, neither cut nor empty nor
an error in a 200."""


class Objective(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What users are promised, and how much of it may be missed."""

    promise: Annotated[
        Promise,
        Meta(
            description="`availability`: a whole answer. `first_token`: its first content within `within_s`. "
            "`tokens_per_s`: at a rate of `at_least`. `valid`: the upstream's first answer was one."
        ),
    ] = "availability"
    target: Annotated[float, number(0.5, 0.99999, "The part of requests for which it has to be kept.")] = 0.99
    days: Annotated[int, number(1, 90, "Over so many days the error budget is counted.", "days")] = 30
    routes: Annotated[
        tuple[str, ...], Meta(description="Names of routes. Empty: all of them.", max_length=1000)
    ] = ()
    within_s: Annotated[float, seconds(0.01, 3600, "For `first_token`: the time of the first content.")] = 2.0
    at_least: Annotated[float, number(0.1, 100_000, "For `tokens_per_s`: the rate.", "tokens per second")] = (
        10.0
    )
    samples_min: Annotated[
        int,
        number(
            1,
            1_000_000,
            "With fewer requests in the longer of two windows there is no burn rate.",
            "requests",
        ),
    ] = 20
    bad_min: Annotated[
        int,
        number(1, 1_000_000, "With fewer misses in the longer of two windows there is none.", "requests"),
    ] = 3
