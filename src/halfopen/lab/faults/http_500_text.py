"""A crash in front of the application: an error in plain text instead of JSON."""

from halfopen.lab.acts.status import TEXT, answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_500_text",
    summary="500 with a text body",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A server failed before it could word an error.",
    act=answered(500, b"Internal Server Error", TEXT),
)
