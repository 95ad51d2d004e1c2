"""An overloaded backend takes the request and never answers; the load balancer keeps the connection open."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="hang_before_headers",
    summary="nothing comes after the request",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is stuck.",
    act=body.silent,
    options=(("bound_s", 60.0),),
)
