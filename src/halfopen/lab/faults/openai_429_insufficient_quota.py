"""The prepaid credit or the monthly budget is used up.

The SDKs retry it although it can't succeed.
"""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_429_insufficient_quota",
    summary="429 insufficient_quota, code insufficient_quota",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account has no money or quota left until somebody acts.",
    act=openai_error(
        429,
        (
            "You exceeded your current quota, please check your plan and "
            "billing details. For more information on this error, read "
            "the docs: "
            "https://platform.openai.com/docs/guides/error-codes/api-erro"
            "rs."
        ),
        "insufficient_quota",
        code="insufficient_quota",
    ),
    dialects=("openai",),
)
