"""The head was sent early, and then the backend got stuck."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="hang_after_headers",
    summary="the head comes, the body never",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is stuck.",
    act=body.silent_after_head,
    options=(("bound_s", 60.0),),
)
