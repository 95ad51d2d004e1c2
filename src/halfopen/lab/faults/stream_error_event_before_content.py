"""The provider failed while it streamed and says so in an event, after a 200."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_error_event_before_content",
    summary="stream: an error event, before the first content",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider failed in the middle.",
    act=stream.before(stream.error_event),
    modes=("stream",),
)
