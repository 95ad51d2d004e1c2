"""The backend got stuck while it streamed; the connection stays open."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_stall_after_content",
    summary="stream: silence, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider is stuck.",
    act=stream.after(stream.stall),
    modes=("stream",),
    options=(("bound_s", 60.0), *placement.PLACES),
)
