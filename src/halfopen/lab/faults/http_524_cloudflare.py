"""The provider took about 100 seconds and the edge gave up.

The work may still be going on.
"""

from halfopen.lab.acts.status import cloudflare
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_524_cloudflare",
    summary="524 Cloudflare HTML page",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider did not answer the edge in about 100 seconds.",
    act=cloudflare(524, "A timeout occurred", "The origin web server timed out responding to this request."),
)
