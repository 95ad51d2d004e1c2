"""A crash so early that not even a body was written."""

from halfopen.lab.acts.status import answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_500_empty",
    summary="500 with an empty body",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A server failed and said nothing.",
    act=answered(500, b""),
)
