"""The key may not use this model or feature."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_403_permission",
    summary="403 permission_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The key lacks a permission.",
    act=anthropic_error(403, ("Your API key does not have permission to use the specified resource.")),
    dialects=("anthropic",),
)
