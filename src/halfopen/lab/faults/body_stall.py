"""The backend got stuck while it wrote its answer."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="body_stall",
    summary="half the body, then silence",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider is stuck.",
    act=body.stalled,
    modes=("plain",),
    options=(("bound_s", 60.0),),
)
