"""A proxy with a size limit cut the body and mended the length."""

from halfopen.lab.acts.body import replaced
from halfopen.lab.acts.spoiled import half
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="ok_truncated_json",
    summary="200 with half the JSON, whole by its length",
    phase=Phase.AFTER_CONTENT,
    provider_meaning="The answer broke off before it was framed.",
    act=replaced(half),
    modes=("plain",),
)
