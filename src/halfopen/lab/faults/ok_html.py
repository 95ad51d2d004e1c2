"""A captive portal, a login page or the edge answers instead of the API."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import page
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_html",
    summary="200 with an HTML page",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="Something else than the API answered.",
    act=replaced(page, "text/html; charset=utf-8"),
)
