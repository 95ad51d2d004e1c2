"""Where an agent of DogStatsD is: what could never be looked up is refused when it is written."""

import pytest


def statsd(host: str) -> str:
    return f'[statsd]\nhost = "{host}"\n'


@pytest.mark.parametrize(
    "host",
    [
        "agent..internal",
        ".agent",
        "agent:8125",
        "http://agent",
        "[::1]",
        "a b",
        "-agent",
        "agent/",
        f"{'a' * 64}.internal",
        ".".join(["a" * 50] * 5),
        "a\\u0000b",
    ],
)
def test_a_host_is_refused(problems, host):
    """With ones that could be looked up."""
    (problem,) = problems(more=statsd(host))
    assert problem.endswith(
        "statsd.host: is no name or address of a machine (127.0.0.1 or datadog-agent, without a port)"
    )


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "::1", "fe80::1%eth0", "localhost", "datadog-agent", "dd_agent.svc.cluster.local.", "bücher.example"],
)  # fmt: skip
def test_what_can_be_looked_up_passes(problems, host):
    """Addresses, names inside of clusters, and letters of other languages."""
    assert problems(more=statsd(host)) == []
