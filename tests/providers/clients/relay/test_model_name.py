"""The model's name in bodies that are relayed."""

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfopen.providers.clients.relay import model_in, rule_of, with_model
from halfopen.providers.clients.relay.model_name import MODEL_MAX_BYTES, PARTS_MAX

JSON = rule_of("POST", "/v1/images/generations")
FORM = rule_of("POST", "/v1/audio/transcriptions")
FILES = rule_of("POST", "/v1/files")
TYPE = "multipart/form-data; boundary=b0"


def form(*parts: tuple[str, bytes], boundary: str = "b0", end: str = "--") -> bytes:
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n"
        % (boundary.encode(), head.encode(), value)
        for head, value in parts
    )
    return body + f"--{boundary}{end}\r\n".encode()


@pytest.mark.parametrize(
    ("body", "model"),
    [
        pytest.param(b'{"model":"m","prompt":"x"}', "m", id="there"),
        pytest.param(b'{"prompt":{"model":"inner"}}', None, id="further in only"),
        pytest.param(b'{"model":null}', None, id="null"),
        pytest.param(b'{"model":7}', None, id="number"),
        pytest.param(b'{"model":""}', None, id="empty"),
        pytest.param(b"[]", None, id="list"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"\xff", None, id="not utf-8"),
        pytest.param(b"[" * 100_000, None, id="bottomless"),
    ],
)
def test_the_model_in_json(body, model) -> None:
    """The field `model`, or nothing."""
    assert model_in(JSON, "application/json", body) == model


def test_json_keeps_every_other_value() -> None:
    """Numbers and text have the client's bytes."""
    body = b'{"model":"a","n":1.50,"prompt":"\\u00e9 {}"}'
    assert with_model(JSON, "application/json", body, "b") == body.replace(b'"a"', b'"b"')
    assert with_model(JSON, "application/json", body, "a") is body
    assert with_model(JSON, "application/json", b'{"n":1}', "b") == b'{"n":1}'
    assert with_model(JSON, "application/json", b"rubbish", "b") == b"rubbish"


AUDIO = bytes(range(256)) * 40 + b'\r\n--b0x\r\n--b\r\nname="model"\r\n\r\n'


@pytest.mark.parametrize(
    ("content_type", "body", "model"),
    [
        pytest.param(TYPE, form(('name="model"', b"whisper-1")), "whisper-1", id="alone"),
        pytest.param(TYPE, form(('name="file"; filename="a.wav"', AUDIO), ('name="model"', b"m")), "m", id="after a file"),
        pytest.param(TYPE, form(('name="model"', b"m"), ('name="file"; filename="a.wav"', AUDIO)), "m", id="before a file"),
        pytest.param(TYPE, b"preamble\r\n" + form(("name=model", b"m")), "m", id="bare name, preamble"),
        pytest.param('multipart/form-data; charset=x; boundary="b 0"', form(('name="model"', b"m"), boundary="b 0"), "m", id="quoted boundary"),
        pytest.param("Multipart/Form-Data;Boundary=b0", form(('Name="model"', b"m")), "m", id="capitals"),
        pytest.param(TYPE, form(('name="model"', b"")), None, id="empty"),
        pytest.param(TYPE, form(('name="model"', b"a"), ('name="model"', b"b")), None, id="twice"),
        pytest.param(TYPE, form(('name="model"; filename="m.txt"', b"m")), None, id="a file"),
        pytest.param(TYPE, form(('name="file"; filename="; name=\\"model\\""', b"m")), None, id="a name in a file name"),
        pytest.param(TYPE, form(('name="models"', b"m")), None, id="another name"),
        pytest.param(TYPE, form(('name="model"', b"\xff")), None, id="not utf-8"),
        pytest.param(TYPE, form(('name="model"', b"m" * (MODEL_MAX_BYTES + 1))), None, id="too long"),
        pytest.param(TYPE, form(*[('name="x"', b"y")] * PARTS_MAX, ('name="model"', b"m")), None, id="too many parts"),
        pytest.param(TYPE, form(('name="model"', b"m"), end="")[:-6], None, id="cut"),
        pytest.param("multipart/form-data", form(('name="model"', b"m")), None, id="no boundary"),
        pytest.param(TYPE, b"", None, id="nothing"),
        pytest.param(TYPE, b"--b0--", None, id="no parts"),
        pytest.param(TYPE, b"--b0\r\n\r\n--b0--", None, id="a part of nothing"),
    ],
)  # fmt: skip
def test_the_model_in_a_form(content_type, body, model) -> None:
    """The field `model`, never a file's content; what is read two ways is not read."""
    assert model_in(FORM, content_type, body) == model


def test_a_form_keeps_every_other_byte() -> None:
    """The file is the same, whatever is in it."""
    body = form(
        ('name="file"; filename="a.wav"', AUDIO), ('name="model"', b"whisper-1"), ('name="language"', b"en")
    )
    changed = with_model(FORM, TYPE, body, "gpt-4o-transcribe")
    assert changed == body.replace(b"whisper-1", b"gpt-4o-transcribe")
    assert model_in(FORM, TYPE, changed) == "gpt-4o-transcribe"
    twice = form(('name="model"', b"a"), ('name="model"', b"b"))
    assert with_model(FORM, TYPE, twice, "c") == twice


def test_an_official_clients_form_is_read() -> None:
    """As the HTTP client of the official package writes it."""
    request = httpx2.Request(
        "POST", "http://x", data={"model": "whisper-1"}, files={"file": ("a.wav", AUDIO)}
    )
    body = request.read()
    content_type = request.headers["content-type"]
    assert model_in(FORM, content_type, body) == "whisper-1"
    assert with_model(FORM, content_type, body, "x") == body.replace(b"whisper-1", b"x")


def test_an_edit_may_be_json() -> None:
    """The content type tells, not the path."""
    rule = rule_of("POST", "/v1/images/edits")
    assert model_in(rule, "application/json; charset=utf-8", b'{"model":"m"}') == "m"
    assert model_in(rule, TYPE, form(('name="model"', b"m"))) == "m"


def test_where_no_model_is_chosen_none_is_read() -> None:
    """A file that is stored has no model, whatever its form says."""
    body = form(('name="model"', b"m"))
    assert model_in(FILES, TYPE, body) is None
    assert with_model(FILES, TYPE, body, "x") is body


@given(
    body=st.lists(
        st.sampled_from([b"--b0", b"--", b"\r\n", b"\r\n\r\n", b"--b0--", b'content-disposition: form-data; name="model"', b"m", b" "])
    ).map(b"".join)
)  # fmt: skip
def test_no_form_raises(body) -> None:
    """Any pieces in any order give a model or none, and a body that can be read again."""
    model = model_in(FORM, TYPE, body)
    changed = with_model(FORM, TYPE, body, "other")
    assert (changed == body) if model in (None, "other") else model_in(FORM, TYPE, changed) == "other"
