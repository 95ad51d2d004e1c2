"""A framework wrote its JSON error into the stream, without `data:`."""

from halfopen.lab.acts import placement, stream
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="stream_raw_json_after_content",
    summary="stream: an error as bare JSON, after some content",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The provider failed in the middle.",
    act=stream.after(stream.raw_json),
    modes=("stream",),
    options=placement.PLACES,
)
