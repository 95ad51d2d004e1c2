"""A process died hard, or a firewall cut in, while the answer was streamed."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_reset_before_content",
    summary="stream: the connection is reset, before the first content",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer broke off.",
    act=stream.before(stream.reset),
    modes=("stream",),
    options=(("pause_s", 0.02),),
)
