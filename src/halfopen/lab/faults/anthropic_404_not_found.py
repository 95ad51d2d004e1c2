"""A model was retired, or its name is wrong."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_404_not_found",
    summary="404 not_found_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The model does not exist for this account.",
    act=anthropic_error(404, "model: claude-retired"),
    dialects=("anthropic",),
)
