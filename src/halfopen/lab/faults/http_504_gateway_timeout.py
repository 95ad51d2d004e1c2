"""A load balancer waited for a slow backend until it gave up."""

from halfopen.lab.acts.status import nginx
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_504_gateway_timeout",
    summary="504 nginx HTML page",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The backend was too slow for the load balancer.",
    act=nginx(504),
)
