"""Proxies and CDNs send 100 and 103 before the answer; many clients have never seen it."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="informational",
    summary="1xx responses, then a good answer",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well.",
    act=connection.interim,
    healthy=True,
)
