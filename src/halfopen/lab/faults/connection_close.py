"""A server that is being drained closes each connection after its answer, and says so."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="connection_close",
    summary="a good answer with connection: close",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well.",
    act=connection.closing,
    healthy=True,
)
