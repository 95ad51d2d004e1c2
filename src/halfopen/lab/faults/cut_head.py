"""A process died while it wrote the head of its answer."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="cut_head",
    summary="the connection is closed inside the response head",
    phase=Phase.CONNECT,
    provider_meaning="The answer broke off inside its head.",
    act=connection.cut_head,
)
