"""vLLM."""

from halfopen.providers.compatible.flavour import Flavour

VLLM = Flavour(
    name="vllm",
    source="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    base_url="http://127.0.0.1:8000/v1",
)
