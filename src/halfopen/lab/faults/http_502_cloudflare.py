"""The edge in front of the provider got a bad answer from it and says so with a page of HTML."""

from halfopen.lab.acts.status import cloudflare
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_502_cloudflare",
    summary="502 Cloudflare HTML page",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The edge could not get an answer from the provider.",
    act=cloudflare(502, "Bad gateway", "The web server reported a bad gateway error."),
)
