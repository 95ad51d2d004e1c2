"""Limits that several processes use together."""

import pytest

from halfopen.gateway.shares import part, policy_part, provider_part
from halfopen.policy.options import LimitOptions, PolicyOptions, RetryOptions
from halfopen.rollout import ProviderSpec


@pytest.mark.parametrize(
    ("count", "workers", "expected"),
    [
        pytest.param(100, 4, 25, id="even"),
        pytest.param(10, 4, 3, id="rounded up"),
        pytest.param(30, 10, 3, id="a tenth that is a little more in binary"),
        pytest.param(1, 8, 1, id="none is shut out"),
        pytest.param(0, 8, 0, id="nothing stays nothing"),
        pytest.param(7, 1, 7, id="alone"),
    ],
)
def test_a_number_of_things_is_divided(count: int, workers: int, expected: int) -> None:
    """So that together they have at least all, and at most one more each."""
    assert part(count, 1 / workers) == expected


def test_nothing_is_lost_by_dividing() -> None:
    """Whatever the limit and however many divide it."""
    for count in range(200):
        for workers in range(1, 40):
            together = part(count, 1 / workers) * workers
            assert count <= together < count + workers


def test_policies_are_divided_where_they_limit() -> None:
    """Calls in flight and retries; not breakers or times. One process has the very same object."""
    policy = PolicyOptions(limit=LimitOptions(initial=100, min=4, max=10))
    assert policy_part(policy, 1.0) is policy
    divided = policy_part(policy, 0.25)
    assert (divided.limit.initial, divided.limit.min, divided.limit.max) == (25, 1, 3)
    assert (divided.retry.bucket_max, divided.retry.refill_s) == (2.5, 120.0)
    assert (divided.breaker, divided.limit.reserve, divided.retry.base_s) == (
        policy.breaker,
        policy.limit.reserve,
        policy.retry.base_s,
    )


@pytest.mark.parametrize(("bucket_max", "expected"), [(0.0, 0.0), (1.0, 1.0), (10.0, 2.0), (64.0, 4.0)])
def test_a_worker_can_retry_if_anybody_can(bucket_max: float, expected: float) -> None:
    """However many there are; and none can where retries are forbidden."""
    policy = PolicyOptions(retry=RetryOptions(bucket_max=bucket_max))
    assert policy_part(policy, 1 / 16).retry.bucket_max == expected


def test_connections_are_divided() -> None:
    """A provider sees as many as the configuration says."""
    spec = ProviderSpec("p", "openai", "http://127.0.0.1:9", connections_max=256)
    assert provider_part(spec, 0.5).connections_max == 128
    assert provider_part(spec, 1.0) is spec
