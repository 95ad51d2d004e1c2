"""What several workers know of a target, as one."""

import pytest

from halfopen.signals.overview import UpstreamState
from halfopen.signals.upstream_states import Upstreams, merged


def state(**told):
    return UpstreamState(target="a/x", workers=1, **told)


@pytest.mark.parametrize(
    ("breakers", "worst", "not_closed"),
    [
        pytest.param(["closed", "closed"], "closed", 0, id="closed"),
        pytest.param(["closed", "half_open"], "half_open", 1, id="half open in one"),
        pytest.param(["half_open", "open", "closed"], "open", 2, id="open in one"),
    ],
)
def test_a_breaker_is_as_bad_as_the_worst(breakers, worst, not_closed):
    """And how many are not closed is told."""
    both = merged([state(breaker=breaker) for breaker in breakers])
    assert (both.breaker, both.workers_open, both.workers) == (worst, not_closed, len(breakers))


def test_what_is_each_workers_own_is_added():
    """Calls, limits, lines, and parts of a provider's rate limits."""
    both = merged(
        [
            state(in_flight=2, limit=10, waiting=3, requests_left=1.5, requests_max=5.0, tokens_left=100.0),
            state(in_flight=5, limit=7, waiting=1, requests_left=2.0, requests_max=5.0),
        ]
    )
    assert both == UpstreamState(
        target="a/x",
        workers=2,
        in_flight=7,
        limit=17,
        waiting=4,
        requests_left=3.5,
        requests_max=10.0,
        tokens_left=100.0,
    )


def test_what_nobody_knows_is_unknown():
    """And not nothing."""
    both = merged([state(), state()])
    assert (both.limit, both.requests_left, both.tokens_max) == (None, None, None)
    assert merged([state(limit=0), state()]).limit == 0


def test_pauses_parked_keys_and_the_latest_fault():
    """The longest pause; every key that is parked anywhere."""
    both = merged(
        [
            state(throttled_s=3.0, parked={"${A}": "bad_key"}),
            state(throttled_s=8.5, parked={"${B}": "quota_exhausted"}, last_fault="overloaded"),
        ]
    )
    assert (both.throttled_s, both.parked, both.last_fault) == (
        8.5,
        {"${A}": "bad_key", "${B}": "quota_exhausted"},
        "overloaded",
    )


def test_since_when_a_breaker_is_not_closed():
    """From the first worker whose breaker opens until the last one's is closed, and then anew."""
    upstreams = Upstreams()

    def opened(now, *breakers):
        return upstreams.merge([[state(breaker=breaker)] for breaker in breakers], now)["a/x"].opened_wall_s

    assert opened(1.0, "closed", "closed") is None
    assert opened(2.0, "open", "closed") == 2.0
    assert opened(3.0, "open", "half_open") == 2.0
    assert opened(4.0, "closed", "half_open") == 2.0
    assert opened(5.0, "closed", "closed") is None
    assert opened(6.0, "closed", "open") == 6.0


def test_targets_are_told_apart():
    """Workers that serve different snapshots know different targets."""
    found = Upstreams().merge([[state()], [state(), UpstreamState(target="b/y", workers=1)]], 1.0)
    assert {target: each.workers for target, each in found.items()} == {"a/x": 2, "b/y": 1}
