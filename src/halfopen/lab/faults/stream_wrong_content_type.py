"""A good stream under the name of another type."""

from halfopen.lab.acts import stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_wrong_content_type",
    summary="stream: a good stream as application/json",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer is whole, but labelled as something else.",
    act=stream.retyped("application/json"),
    modes=("stream",),
)
