"""How large a configuration may be: a worker takes a new one in one go, and answers nobody meanwhile."""

from typing import Final

from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Settings

ROUTES_MAX: Final = 1000
TARGETS_MAX: Final = 2000
"""Different targets of all routes. Each costs a worker about 0.15 ms and 12 KB once."""


def check_size(settings: Settings, findings: Findings) -> None:
    """Refuse more routes or targets than workers can take in a moment."""
    routes = settings.routes
    targets = {target for route in routes.values() for target in route.targets}
    for count, most, what in (
        (len(routes), ROUTES_MAX, "routes"),
        (len(targets), TARGETS_MAX, "different targets"),
    ):
        if count > most:
            message = f"has {count:,} {what}, and {most:,} is the most"
            findings.add(("routes",), message, "run a second gateway for the others")
