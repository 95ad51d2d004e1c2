"""Which client's dialect a request speaks, by its path and headers."""

import pytest

from halfopen.gateway.paths import client_of, is_models, is_relayed, speaker_of
from halfopen.http1 import RequestHead
from halfopen.providers.clients.generate import GENERATE, GENERATE_COUNT, GENERATE_EMBEDDINGS


def head(method: str, target: str, *headers: tuple[bytes, bytes]) -> RequestHead:
    return RequestHead(
        method=method, target=target.encode(), version="1.1", headers=list(headers), keep_alive=True
    )


@pytest.mark.parametrize(
    "header",
    [
        pytest.param((b"anthropic-version", b"2023-06-01"), id="Anthropic's"),
        pytest.param((b"x-goog-api-key", b"x"), id="Google's"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/files", "/v1/files/file-1/content", "/v1/skills", "/v1/batches"])
def test_other_vendors_clients_are_not_relayed(path: str, header: tuple[bytes, bytes]) -> None:
    """A file that Anthropic's or Google's client sends is not passed on to OpenAI."""
    assert is_relayed(head("POST", path))
    assert client_of(head("POST", path)) is not None
    assert not is_relayed(head("POST", path, header))
    assert client_of(head("POST", path, header)) is None


@pytest.mark.parametrize("version", ["v1", "v1alpha", "v1beta"])
def test_versions_of_googles_interface(version: str) -> None:
    """Google's clients are served by each version of the interface that they may be set to."""
    assert client_of(head("POST", f"/{version}/models/fast:generateContent")) is GENERATE
    assert client_of(head("POST", f"/{version}/models/fast:streamGenerateContent")) is GENERATE
    assert client_of(head("POST", f"/{version}/models/fast:countTokens")) is GENERATE_COUNT
    for method in ("embedContent", "batchEmbedContents"):
        assert client_of(head("POST", f"/{version}/models/fast%3A{method}")) is GENERATE_EMBEDDINGS
    assert client_of(head("POST", f"/{version}/models/fast:predict")) is None
    assert is_models(f"/{version}/models/fast".encode())
    if version != "v1":  # OpenAI's clients use it as well
        assert speaker_of(head("GET", f"/{version}/models")) is GENERATE


@pytest.mark.parametrize("method", ["countTokens", "embedContent", "batchEmbedContents", "generateContent"])
def test_methods_of_googles_models_are_no_models(method: str) -> None:
    """What is asked of a model is not taken for its name, so that the answer is not a wrong 405."""
    assert not is_models(f"/v1beta/models/gemini-2.5-flash:{method}".encode())


@pytest.mark.parametrize(
    "path", ["/v1/models", "/v1beta/models", "/v1/models/llama3:8b", "/v1/models/openai/gpt-oss-20b"]
)
def test_models_are_found(path: str) -> None:
    """Names of models may hold a slash or a colon."""
    assert is_models(path.encode())
