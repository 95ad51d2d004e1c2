"""A process died in the middle of a chunked body."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="cut_chunked",
    summary="half the body in chunks, no last chunk, a close",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off.",
    act=body.cut_chunked,
    modes=("plain",),
)
