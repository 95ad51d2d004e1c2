"""The edge writes its error page into the stream."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_html_before_content",
    summary=("stream: an HTML page inside the event stream, before the first content"),
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The edge lost the provider.",
    act=stream.before(stream.html),
    modes=("stream",),
)
