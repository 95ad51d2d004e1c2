"""The usage tier's limit was reached."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_429_organization_usage_limit_exceeded",
    summary="429 insufficient_quota, code organization_usage_limit_exceeded",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account has no money or quota left until somebody acts.",
    act=openai_error(
        429,
        "The organization has reached its usage limit for its tier.",
        "insufficient_quota",
        code="organization_usage_limit_exceeded",
    ),
    dialects=("openai",),
)
