"""A process died hard, or a firewall cut in."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="reset_in_body",
    summary="half the body, then a reset",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off.",
    act=body.reset_in_body,
    modes=("plain",),
    options=(("pause_s", 0.02),),
)
