"""Something else listens on the port, such as a TLS or SSH server."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="garbage",
    summary="bytes that are not HTTP",
    phase=Phase.CONNECT,
    provider_meaning="Whatever listens does not speak HTTP.",
    act=connection.garbage,
)
