"""A long queue or a long prompt: the answer is good but late."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="slow_headers",
    summary="a good answer after a delay",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is slow.",
    act=body.slow_head,
    options=(("delay_s", 3.0),),
    healthy=True,
)
