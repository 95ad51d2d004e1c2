"""A process died hard, or a firewall cut in, while the answer was streamed."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_reset_after_content",
    summary="stream: the connection is reset, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off.",
    act=stream.after(stream.reset),
    modes=("stream",),
    options=(("pause_s", 0.02), *placement.BYTE_PLACES),
)
