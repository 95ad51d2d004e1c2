"""One of two backends is broken, so that every other request fails."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="flapping",
    summary="500, good, 500, good …",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="Some of the provider's backends are broken.",
    act=connection.flapping,
)
