"""A server that restarts closes its connections in order, without a word to the requests on them."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="closed_after_request",
    summary="the connection is closed after the request",
    phase=Phase.CONNECT,
    provider_meaning="The request arrived; nobody knows what became of it.",
    act=connection.closed,
)
