"""The provider failed while it streamed and says so in an event, after a 200."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_error_event_after_content",
    summary="stream: an error event, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider failed in the middle.",
    act=stream.after(stream.error_event),
    modes=("stream",),
    options=(("as_failed", False), *placement.PLACES),
)
