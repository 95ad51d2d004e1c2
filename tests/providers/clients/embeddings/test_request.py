"""Reading requests for embeddings."""

import pytest

from halfopen.model import Fault, Kind
from halfopen.providers.clients.embeddings.request import Embedding, InputKind


@pytest.mark.parametrize(
    ("given", "kind", "inputs", "longest"),
    [
        pytest.param("Hello", InputKind.TEXT, 1, 5, id="text"),
        pytest.param(["Hi", "Hello"], InputKind.TEXT, 2, 5, id="texts"),
        pytest.param([1, 2, 3], InputKind.TOKENS, 1, 0, id="tokens"),
        pytest.param([[1, 2], [3]], InputKind.TOKENS, 2, 0, id="lists of tokens"),
        pytest.param([{"image": "x"}], InputKind.OTHER, 1, 0, id="an image"),
        pytest.param(["Hi", [1]], InputKind.OTHER, 2, 0, id="mixed"),
        pytest.param([True, False], InputKind.OTHER, 2, 0, id="booleans"),
    ],
)
def test_inputs_are_counted(make, given, kind, inputs, longest) -> None:
    """Each input gets one vector; a list of tokens is one input."""
    ask = make(input=given)
    assert (ask.kind, ask.inputs, ask.longest_chars, ask.stream) == (kind, inputs, longest, False)
    assert ask.texts == (([given] if isinstance(given, str) else given) if kind is InputKind.TEXT else [])


def test_options_are_read(make) -> None:
    """The size and the form of the vectors."""
    ask = make(dimensions=256, encoding_format="base64", user="me", stream=True)
    assert (ask.dimensions, ask.base64, ask.stream) == (256, True, False)
    assert (make().dimensions, make(encoding_format="float").base64) == (None, False)
    assert make(dimensions=None, encoding_format=None).dimensions is None


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"7", "JSON object with model and input", id="number"),
        pytest.param(b'{"input":"Hi"}', "model is missing", id="no model"),
        pytest.param(b'{"model":"m"}', "input is missing", id="no input"),
        pytest.param(b'{"model":"m","input":""}', "input is empty", id="empty text"),
        pytest.param(b'{"model":"m","input":[]}', "input is empty", id="no inputs"),
        pytest.param(b'{"model":"m","input":7}', "input must be", id="input"),
        pytest.param(b'{"model":"m","input":"Hi","dimensions":0}', "dimensions must", id="dimensions 0"),
        pytest.param(b'{"model":"m","input":"Hi","dimensions":true}', "dimensions must", id="dimensions"),
        pytest.param(b'{"model":"m","input":"Hi","encoding_format":"int8"}', "encoding_format must", id="format"),
        pytest.param(b'{"model":"m","input":' + b"[" * 300 + b"]" * 300 + b"}", "nested", id="deep"),
        pytest.param(b'{"model":"m","input":' + b"[" * 100_000, "", id="bottomless"),
    ],
)  # fmt: skip
def test_a_bad_request_says_what_is_wrong(parse, raw, words) -> None:
    """It is a fault of the client's, in its words, and nothing raises."""
    fault = parse(raw)
    assert isinstance(fault, Fault)
    assert fault.kind is Kind.INVALID_REQUEST
    assert words in fault.message


def test_a_large_batch_is_no_deep_nesting(make) -> None:
    """Two thousand lists of tokens are flat."""
    assert isinstance(make(input=[[1, 2]] * 2048), Embedding)
