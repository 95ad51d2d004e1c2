"""That the agent of DogStatsD can be looked up."""

from msgspec import UNSET

from halfopen.rollout.host import is_host
from halfopen.rollout.place import Path
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Statsd

_PATH: Path = ("statsd", "host")


def check_statsd(statsd: Statsd, findings: Findings) -> None:
    """Refuse what can be no name or address of a machine."""
    if statsd.host is UNSET or findings.blamed(_PATH):
        return
    if not is_host(statsd.host):
        findings.add(
            _PATH, "is no name or address of a machine", "127.0.0.1 or datadog-agent, without a port"
        )
