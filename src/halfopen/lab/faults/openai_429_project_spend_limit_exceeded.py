"""The project's own spend limit was reached."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_429_project_spend_limit_exceeded",
    summary="429 insufficient_quota, code project_spend_limit_exceeded",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account has no money or quota left until somebody acts.",
    act=openai_error(
        429,
        "The project has reached its spend limit.",
        "insufficient_quota",
        code="project_spend_limit_exceeded",
    ),
    dialects=("openai",),
)
