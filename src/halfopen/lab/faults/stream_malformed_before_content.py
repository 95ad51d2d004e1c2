"""One event is cut inside its JSON, and the stream goes on to its finish as if nothing were."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_malformed_before_content",
    summary="stream: one event is broken JSON, before the first content",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A piece of the answer is lost.",
    act=stream.before(stream.malformed),
    modes=("stream",),
)
