"""The names of the conventions for generative AI: who answers, what was asked, bounds of histograms."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from halfopen.rollout import ProviderSpec, Snapshot

CHAT: Final = "chat"
GENERATE: Final = "generate_content"
GEMINI: Final = "gemini"

SECONDS: Final = tuple(0.01 * 2**power for power in range(17))
"""The bounds of the conventions, .01 to 81.92 s, and three past them: a long answer takes minutes."""
TOKENS: Final = tuple(float(4**power) for power in range(14))
FIRST_TOKEN_SECONDS: Final = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0, 160.0),
)
"""The same for the first token: up to 10 s, and four past it, for hidden reasoning."""
TOKEN_SECONDS: Final = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

_BY_HOST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openai.azure.com": "azure.ai.openai",
        "services.ai.azure.com": "azure.ai.inference",
        "models.ai.azure.com": "azure.ai.inference",
        "aiplatform.googleapis.com": "gcp.vertex_ai",
        "amazonaws.com": "aws.bedrock",
        "api.cohere.com": "cohere",
        "api.deepseek.com": "deepseek",
        "api.groq.com": "groq",
        "api.mistral.ai": "mistral_ai",
        "api.moonshot.ai": "moonshot_ai",
        "api.perplexity.ai": "perplexity",
        "api.x.ai": "x_ai",
    }
)
"""By the end of the host name. Who isn't here is named by the dialect that it speaks."""
_BY_DIALECT: Final[Mapping[str, str]] = MappingProxyType(
    {"openai": "openai", "anthropic": "anthropic", GEMINI: "gcp.gemini"}
)
_PORTS: Final[Mapping[str, int]] = MappingProxyType({"http": 80, "https": 443})


@dataclass(frozen=True, slots=True)
class Upstream:
    """A target in the words of the conventions."""

    provider: str
    model: str
    operation: str
    address: str
    """Empty: not known, as that of a local model that isn't running."""
    port: int


def operation(client: str) -> str:
    """What a client of this dialect asks for."""
    return GENERATE if client == GEMINI else CHAT


def upstreams(snapshot: Snapshot) -> dict[str, Upstream]:
    """Every target by its name."""
    found: dict[str, Upstream] = {}
    for route in snapshot.routes.values():
        for target in route.targets:
            provider = snapshot.providers[target.provider]
            address, port = _place(provider.base_url)
            found[target.name] = Upstream(
                _provider(provider, address), target.model, operation(provider.dialect), address, port
            )
    return found


def unknown(target: str) -> Upstream:
    """A target that is in no snapshot any more: its name says the provider and the model."""
    provider, _, model = target.partition("/")
    return Upstream(provider, model, CHAT, "", 0)


def _provider(provider: ProviderSpec, host: str) -> str:
    labels = host.lower().split(".")
    ends = (".".join(labels[place:]) for place in range(len(labels)))
    known = next((_BY_HOST[end] for end in ends if end in _BY_HOST), None)
    return known or _BY_DIALECT.get(provider.dialect, provider.dialect)


def _place(base_url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(base_url)
        return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return "", 0
