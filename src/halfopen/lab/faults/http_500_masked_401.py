"""A gateway on the way turned a refused key into a 500, so that clients retry it for ever."""

from halfopen.lab.acts.status import JSON, answered
from halfopen.lab.fault import LabFault, Phase

FAULT = LabFault(
    name="http_500_masked_401",
    summary="500 that wraps a 401",
    phase=Phase.BEFORE_CONTENT,
    provider_meaning="A key is refused, though the status says otherwise.",
    act=answered(
        500,
        (
            b'{"error": {"message": "AuthenticationError: OpenAIException '
            b"- Error code: 401 - {'error': {'message': 'Incorrect API "
            b"key provided: sk-lab-0****0000.', 'type': "
            b"'invalid_request_error', 'param': None, 'code': "
            b'\'invalid_api_key\'}}", "type": null, "param": null, "code": '
            b'"500"}}'
        ),
        JSON,
    ),
    dialects=("openai",),
)
