"""A middlebox forgot an idle connection: its next request is answered with a reset."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="reset_second_request",
    summary="the second request on a connection is reset",
    phase=Phase.CONNECT,
    provider_meaning="The pooled connection was dead.",
    act=connection.reset_second,
    requests_to_meet=2,
)
