"""One event is cut inside its JSON, and the stream goes on to its finish as if nothing were."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_malformed_after_content",
    summary="stream: one event is broken JSON, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="A piece of the answer is lost.",
    act=stream.after(stream.malformed),
    modes=("stream",),
    options=placement.PLACES,
)
