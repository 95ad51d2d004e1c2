"""A provider behind TLS: nginx with a certificate of openssl's making in front of the lab."""

import openai
import pytest

pytestmark = pytest.mark.server("nginx", "openssl")


def to_lab(lab):
    return f"location / {{ proxy_pass http://127.0.0.1:{lab.port}; proxy_buffering off; }}"


versions = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


@versions
def test_plain_and_streamed(nginx, authority, trust, gateway, lab, texts, version):
    """Plain and streamed chats go through TLS whole, at the first attempt."""
    trust(authority)
    front = nginx(f"ssl_protocols {version};" + to_lab(lab), certificate=authority.site("good"))
    served = gateway(front.url)
    assert served.chats.both() == {texts.primary}
    assert served.attempts == [1, 1]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_host_of_the_certificate(nginx, authority, trust, gateway, lab, texts, host):
    """A certificate holds for its names and its addresses."""
    trust(authority)
    front = nginx(to_lab(lab), certificate=authority.site("good"))
    assert gateway(f"https://{host}:{front.port}").chats.plain() == texts.primary


@versions
def test_connections_are_reused(nginx, authority, trust, gateway, lab, texts, version):
    """Ten requests, one after another, need one TLS handshake."""
    trust(authority)
    front = nginx(f"ssl_protocols {version};" + to_lab(lab), certificate=authority.site("good"))
    served = gateway(front.url)
    for _ in range(5):
        assert served.chats.both() == {texts.primary}
    log = [entry for entry in front.log() if entry["status"] == "200"]
    assert {entry["connection"] for entry in log} == {log[0]["connection"]}
    assert [entry["number"] for entry in log] == [str(number) for number in range(1, 11)]


@versions
def test_sessions_are_resumed(nginx, authority, trust, gateway, lab, texts, version):
    """A further connection resumes the TLS session of an earlier one."""
    trust(authority)
    front = nginx(
        f"ssl_protocols {version}; keepalive_requests 1;" + to_lab(lab), certificate=authority.site("good")
    )
    served = gateway(front.url)
    for _ in range(3):
        assert served.chats.plain() == texts.primary
    assert "r." in {entry["resumed"] for entry in front.log()}


@pytest.fixture
def untrusted(request, nginx, authority, trust, lab):
    """An address where TLS fails in one way, and nginx or the lab behind it."""
    case = request.param
    if case != "unknown authority":
        trust(authority)
    sites = {
        "wrong host": ("elsewhere", "DNS:elsewhere.invalid", 2),
        "expired": ("expired", "DNS:localhost", -1),
    }
    if case == "no TLS there":
        return f"https://localhost:{nginx(to_lab(lab)).port}"
    certificate = authority.site(*sites[case]) if case in sites else authority.site("good")
    more = "ssl_protocols TLSv1.1;" if case == "old protocol" else ""
    return nginx(more + to_lab(lab), certificate=certificate).url


def test_plain_http_to_a_tls_port(nginx, authority, gateway, lab, backup, texts):
    """When base_url says http where TLS is spoken, the backup answers: the request is not to blame."""
    front = nginx(to_lab(lab), certificate=authority.site("good"))
    served = gateway(f"http://localhost:{front.port}", backup.base_url)
    assert served.chats.both() == {texts.backup}


# What is wrong, and how the error must say it.
CASES = {
    "wrong host": "mismatch",
    "unknown authority": "certificate",
    "expired": "expired",
    "no TLS there": "version",
    "old protocol": "protocol",
}


@pytest.mark.parametrize("untrusted", CASES, indirect=True)
def test_failed_tls_fails_over(untrusted, gateway, lab, backup, texts):
    """When TLS fails, the backup answers plain and streamed, and no request has left the gateway."""
    served = gateway(untrusted, backup.base_url)
    assert served.chats.both() == {texts.backup}
    assert served.kinds == ["tls_failed", "tls_failed"]
    assert not lab.calls


@pytest.mark.parametrize(
    ("untrusted", "word"),
    [pytest.param(case, word, id=case) for case, word in CASES.items()],
    indirect=["untrusted"],
)
def test_failed_tls_is_explained(untrusted, word, gateway, lab):
    """Without a backup the error says that TLS failed, why, and what to do, after a single attempt."""
    served = gateway(untrusted)
    with pytest.raises(openai.InternalServerError) as caught:
        served.chats.plain()
    error = caught.value
    assert error.status_code == 502
    told = error.body["halfopen"]
    assert told["kind"] == "tls_failed"
    assert "certificate" in told["remedy"]
    assert word in f"{told['evidence']}".lower()
    assert len(told["attempts"]) == 1
    assert not lab.calls
