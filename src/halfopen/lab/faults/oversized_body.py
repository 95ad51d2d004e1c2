"""A proxy gone wrong, or a model that never stops."""

from halfopen.lab.acts import body
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="oversized_body",
    summary="a body of 64 MiB",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The answer is larger than any answer should be.",
    act=body.endless,
    options=(("size_bytes", 67108864),),
)
