"""A body without a length that the close ends: a cut can't be seen by the framing."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="cut_unframed",
    summary="half the body, ended by the close",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off.",
    act=body.cut_unframed,
    modes=("plain",),
)
