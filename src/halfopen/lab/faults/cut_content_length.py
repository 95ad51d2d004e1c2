"""A process died in the middle of a body of known length."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="cut_content_length",
    summary="half the body, then a close",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off.",
    act=body.cut_sized,
    modes=("plain",),
)
