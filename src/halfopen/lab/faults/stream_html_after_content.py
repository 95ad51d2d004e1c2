"""The edge writes its error page into the stream."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_html_after_content",
    summary="stream: an HTML page inside the event stream, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The edge lost the provider.",
    act=stream.after(stream.html),
    modes=("stream",),
    options=placement.PLACES,
)
