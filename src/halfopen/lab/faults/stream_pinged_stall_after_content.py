"""The backend is stuck, but a proxy keeps the connection alive with pings, so that no idle timeout fires."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_pinged_stall_after_content",
    summary="stream: nothing but pings, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider is stuck behind something that is not.",
    act=stream.after(stream.pinged_stall),
    modes=("stream",),
    options=(("ping_s", 1.0), ("bound_s", 60.0), *placement.PLACES),
)
