"""The organisation's own spend limit was reached, often by somebody else's job."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_429_organization_spend_limit_exceeded",
    summary="429 insufficient_quota, code organization_spend_limit_exceeded",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account has no money or quota left until somebody acts.",
    act=openai_error(
        429,
        "The organization has reached its spend limit.",
        "insufficient_quota",
        code="organization_spend_limit_exceeded",
    ),
    dialects=("openai",),
)
