"""Which client's dialect a request speaks, by its path and headers."""

import pytest

from halfopen.gateway.paths import client_of, is_models, is_relayed
from halfopen.http1 import RequestHead


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
