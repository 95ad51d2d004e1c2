"""The commonest of all: something broke inside the provider."""

from halfopen.lab.acts.status import openai_error
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="openai_500_server_error",
    summary="500 server_error",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A fault of unknown place at the provider.",
    act=openai_error(
        500, ("The server had an error while processing your request. Sorry about that!"), "server_error"
    ),
    dialects=("openai",),
)
