"""The provider's server closed its connection to the edge, or answered it with nonsense."""

from halfopen.lab.acts.status import cloudflare
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_520_cloudflare",
    summary="520 Cloudflare HTML page",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The edge got something unexpected from the provider.",
    act=cloudflare(
        520,
        "Web server is returning an unknown error",
        ("There is an unknown connection issue between Cloudflare and the origin web server."),
    ),
)
