"""A process's part of limits that several processes use together.

A limit in whole numbers that is smaller than the number of processes can't be divided: each has one, so
that none is shut out, and together they may have a few more than the limit says. Rate limits are divided
in the pacers, by shares that change.
"""

import math
from dataclasses import replace

from halfopen.policy.bucket import TIMEOUT_COST
from halfopen.policy.options import PolicyOptions
from halfopen.rollout.snapshot import ProviderSpec


def part(count: int, share: float) -> int:
    """A process's part of a limit on a number of things. 0 stays 0; else at least 1."""
    # Rounded first: 30 * 0.1 is a little more than 3.
    return min(count, math.ceil(round(count * share, 6)))


def policy_part(policy: PolicyOptions, share: float) -> PolicyOptions:
    """The policies, with a process's part of the limits on calls in flight and of the budget for retries."""
    if share == 1.0:
        return policy
    limit, retry = policy.limit, policy.retry
    return replace(
        policy,
        limit=replace(
            limit, initial=part(limit.initial, share), min=part(limit.min, share), max=part(limit.max, share)
        ),
        retry=replace(
            retry,
            # Less than one retry costs would forbid all.
            bucket_max=max(retry.bucket_max * share, min(retry.bucket_max, TIMEOUT_COST)),
            refill_s=retry.refill_s / share,
        ),
    )


def provider_part(spec: ProviderSpec, share: float) -> ProviderSpec:
    """A provider, with a process's part of its connections."""
    return spec if share == 1.0 else replace(spec, connections_max=part(spec.connections_max, share))
