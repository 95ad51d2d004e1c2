"""Two requests touched one resource at once."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_409_conflict",
    summary="409 conflict_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="Something else was changing the same resource.",
    act=anthropic_error(409, "The request conflicts with another one in progress."),
    dialects=("anthropic",),
)
