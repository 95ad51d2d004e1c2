"""The backend got stuck while it streamed; the connection stays open."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_stall_before_content",
    summary="stream: silence, before the first content",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is stuck.",
    act=stream.before(stream.stall),
    modes=("stream",),
    options=(("bound_s", 60.0),),
)
