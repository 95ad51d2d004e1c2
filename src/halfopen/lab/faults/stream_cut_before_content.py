"""A process died while it streamed: the connection is closed inside a chunk."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_cut_before_content",
    summary=("stream: the connection is closed inside an event, before the first content"),
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer broke off.",
    act=stream.before(stream.cut),
    modes=("stream",),
)
