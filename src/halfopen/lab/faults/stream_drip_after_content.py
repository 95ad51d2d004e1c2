"""One token a second: it never trips an idle timeout, and never ends."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_drip_after_content",
    summary="stream: one token a second, without an end, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider is far too slow.",
    act=stream.after(stream.drip),
    modes=("stream",),
    options=(("interval_s", 1.0), ("bound_s", 60.0), *placement.PLACES),
)
