"""Azure's own filter refused the prompt."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="azure_400_content_filter",
    summary="400 content_filter of Azure OpenAI",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A content policy refuses the prompt.",
    act=openai_error(
        400,
        (
            "The response was filtered due to the prompt triggering "
            "Azure OpenAI's content management policy. Please modify "
            "your prompt and retry."
        ),
        "invalid_request_error",
        code="content_filter",
        param="prompt",
    ),
    dialects=("openai",),
)
