"""A process died, or a firewall lost its state, after it took the request."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="reset_after_request",
    summary="the connection is reset after the request",
    phase=Phase.CONNECT,
    provider_meaning="The request arrived; nobody knows what became of it.",
    act=connection.reset,
)
