"""A sudden burst: the provider asks for a slow ramp.

It came as a 503 once.
"""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_429_slow_down",
    summary="429 slow_down",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning=("Traffic rose too fast; the provider wants it to fall and rise slowly."),
    act=openai_error(
        429,
        (
            "Slow down: please reduce your request rate to its original "
            "level, maintain it for at least 15 minutes, and then "
            "increase it gradually."
        ),
        "slow_down",
        ("retry-after", "5"),
        code="slow_down",
    ),
    dialects=("openai",),
)
