"""A key was rotated, revoked or mistyped."""

from halfopen.lab.acts.status import anthropic_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="anthropic_401_authentication",
    summary="401 authentication_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The key is not accepted.",
    act=anthropic_error(401, "invalid x-api-key"),
    dialects=("anthropic",),
)
