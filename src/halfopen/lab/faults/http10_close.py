"""Old proxies answer in HTTP/1.0 and end the body by closing."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http10_close",
    summary="a good HTTP/1.0 answer, ended by the close",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well.",
    act=connection.http10,
    healthy=True,
)
