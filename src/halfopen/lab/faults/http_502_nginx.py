"""A load balancer's own page, while a backend restarts."""

from halfopen.lab.acts.status import nginx
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_502_nginx",
    summary="502 nginx HTML page",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A load balancer found no working backend.",
    act=nginx(502),
)
