"""Bounds of the policies that depend on each other."""

from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Policy


def check_policy(policy: Policy, findings: Findings) -> None:
    """Refuse bounds that contradict each other."""
    retry, breaker, limit = policy.retry, policy.breaker, policy.limit
    if retry.base_s > retry.cap_s:
        findings.add(("policy", "retry", "base_s"), f"must not be above cap_s, which is {retry.cap_s:g}")
    if breaker.open_s > breaker.open_max_s:
        message = f"must not be above open_max_s, which is {breaker.open_max_s:g}"
        findings.add(("policy", "breaker", "open_s"), message)
    if limit.min > limit.max:
        findings.add(("policy", "limit", "min"), f"must not be above max, which is {limit.max}")
    elif not limit.min <= limit.initial <= limit.max:
        message = f"must be between min and max, which are {limit.min} and {limit.max}"
        findings.add(("policy", "limit", "initial"), message)
