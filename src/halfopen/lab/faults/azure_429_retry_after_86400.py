"""Azure has been seen to ask for a whole day."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="azure_429_retry_after_86400",
    summary="429 of Azure OpenAI that asks for a day's wait",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="The account is over its quota; the server says for a day.",
    act=openai_error(
        429,
        (
            "Requests to the ChatCompletions_Create Operation under "
            "Azure OpenAI API version 2024-10-21 have exceeded call rate "
            "limit of your current OpenAI S0 pricing tier. Please retry "
            "after 86400 seconds."
        ),
        "requests",
        ("retry-after", "86400"),
        ("retry-after-ms", "86400000"),
        ("x-ratelimit-remaining-requests", "-1"),
        code="429",
    ),
    dialects=("openai",),
)
