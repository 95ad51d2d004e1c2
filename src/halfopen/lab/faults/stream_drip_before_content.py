"""One token a second: it never trips an idle timeout, and never ends."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_drip_before_content",
    summary=("stream: one token a second, without an end, before the first content"),
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The provider is far too slow.",
    act=stream.before(stream.drip),
    modes=("stream",),
    options=(("interval_s", 1.0), ("bound_s", 60.0)),
)
