"""A load balancer closes connections that are idle, just when the client takes one from its pool."""

from halfopen.lab.acts import connection
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="idle_close",
    summary="a good answer, then the pooled connection is closed",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="All is well, but the pooled connection is gone.",
    act=connection.idle_close,
    healthy=True,
    requests_to_meet=2,
    options=(("idle_s", 0.0),),
)
