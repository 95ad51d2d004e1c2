"""A process died while it streamed: the connection is closed inside a chunk."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_cut_after_content",
    summary=("stream: the connection is closed inside an event, after some content"),
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off.",
    act=stream.after(stream.cut),
    modes=("stream",),
    options=placement.BYTE_PLACES,
)
