"""A real nginx between the gateway and its primary: its pages, its limits and its closing of connections."""

import openai
import pytest

from halfopen.lab.answer import is_whole

pytestmark = pytest.mark.server("nginx")

PASS = "proxy_pass http://127.0.0.1:{port};"
LIMITS = "limit_req_zone $remote_addr zone=one:64k rate=1r/m;"
MAINTENANCE = """
    error_page 503 @closed;
    location / { return 503; }
    location @closed {
        default_type text/html;
        add_header Retry-After 120 always;
        return 503 '<!DOCTYPE html><html><head><title>Down</title></head><body>Scheduled maintenance</body></html>';
    }
"""
STATIC = "location / { root {folder}; try_files $uri /index.html; }"
HOME = (
    STATIC
    + """
    error_page 405 =200 @home;
    location @home { default_type text/html; return 200 '<html><title>Welcome to nginx!</title></html>'; }
"""
)


def to(port, more=""):
    return f"location / {{ {PASS.format(port=port)} {more} }}"


# What nginx says by itself: (lines of the server block, kind, status that the client is given)
PAGES = {
    "502 dead": (None, "bad_gateway", 502),
    "503 maintenance": (MAINTENANCE, "maintenance", 503),
    "503 bare": ("location / { return 503; }", "unavailable", 503),
    "500 page": ("location / { return 500; }", "server_error", 500),
    "403 page": ("location / { deny all; }", "forbidden", 403),
    "404 page": ("location / { root {folder}; return 404; }", "model_not_found", 404),
    "405 static": (STATIC, "model_not_found", 405),
    "200 home page": (HOME, "not_json", 502),
    "301 to https": ("location / { return 301 https://$host$request_uri; }", "unknown", 502),
    "444 closed": ("location / { return 444; }", "connection_reset", 502),
}
pages = pytest.mark.parametrize(("lines", "kind", "status"), PAGES.values(), ids=PAGES)


@pages
def test_page_fails_over(nginx, gateway, backup, reserve, texts, *, lines, kind, status):
    """Whatever page nginx answers instead of the API, the backup answers plain and streamed."""
    served = gateway(nginx(lines or to(reserve())).url, backup.base_url)
    assert served.chats.both() == {texts.backup}
    assert set(served.kinds) == {kind}
    assert len(backup.calls) == 2


@pages
def test_page_is_explained(nginx, gateway, reserve, lines, kind, status):
    """Without a backup the client gets an OpenAI-shaped error that names the kind, and no HTML."""
    served = gateway(nginx(lines or to(reserve())).url)
    for ask in (served.chats.plain, served.chats.stream):
        with pytest.raises(openai.APIStatusError) as caught:
            ask()
        error = caught.value
        assert error.body["halfopen"]["kind"] == kind
        assert error.status_code == status
        assert error.response.headers["content-type"] == "application/json"
        assert error.response.headers["x-should-retry"] == "false"
        assert "<" not in error.body["message"]


def test_maintenance_says_how_long(nginx, gateway):
    """The delay of a maintenance page reaches the client."""
    served = gateway(nginx(MAINTENANCE).url)
    with pytest.raises(openai.InternalServerError) as caught:
        served.chats.plain()
    assert 118 <= int(caught.value.response.headers["retry-after"]) <= 120


# What nginx makes of a lab that fails behind it: (fault, further lines, kind)
BEHIND = {
    "hang": ("hang_before_headers", "proxy_read_timeout 150ms;", "gateway_timeout"),
    "reset": ("reset_after_request", "", "bad_gateway"),
    "closed": ("closed_after_request", "", "bad_gateway"),
    "large head": ("huge_headers", "", "bad_gateway"),
}


@pytest.mark.parametrize(("fault", "more", "kind"), BEHIND.values(), ids=BEHIND)
def test_fault_behind(nginx, gateway, lab, backup, texts, *, fault, more, kind):
    """When the server behind nginx hangs or breaks, nginx's own 502 or 504 page leads to the backup."""
    lab.set_fault(fault)
    served = gateway(nginx(to(lab.port, more)).url, backup.base_url)
    assert served.chats.both() == {texts.backup}
    assert served.kinds == [kind, kind]
    assert lab.met == 2


@pytest.mark.parametrize("fault", ["cut_content_length", "cut_chunked", "garbage"])
@pytest.mark.parametrize("buffering", ["on", "off"])
def test_broken_answer_behind(nginx, gateway, lab, backup, texts, fault, buffering):
    """An answer that breaks off behind nginx is never taken for a whole one."""
    lab.set_fault(fault)
    served = gateway(nginx(to(lab.port, f"proxy_buffering {buffering};")).url, backup.base_url)
    assert served.chats.plain() == texts.backup
    assert lab.met == 1


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_stall_before_content(nginx, gateway, lab, backup, texts, buffering):
    """A stream that nginx cuts because it stalled before its content is replaced by the backup's."""
    lab.set_fault("stream_stall_before_content")
    more = f"proxy_read_timeout 150ms; proxy_buffering {buffering};"
    served = gateway(nginx(to(lab.port, more)).url, backup.base_url)
    assert served.chats.stream() == texts.backup
    assert lab.met == 1


def test_stall_after_content(nginx, gateway, lab, backup):
    """A stream that nginx cuts after content had been delivered is finished by the backup."""
    lab.set_fault("stream_stall_after_content")
    served = gateway(
        nginx(to(lab.port, "proxy_read_timeout 150ms; proxy_buffering off;")).url, backup.base_url
    )
    assert is_whole(served.chats.stream())
    assert len(backup.calls) == 1


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_buffered_streams(nginx, gateway, lab, texts, buffering):
    """A stream arrives whole whether nginx buffers it or not."""
    lab.pace_s = 0.002
    served = gateway(nginx(to(lab.port, f"proxy_buffering {buffering};")).url)
    assert served.chats.stream() == texts.primary
    assert served.attempts == [1]


def test_gzip(nginx, gateway, lab, texts):
    """Answers and streams that an edge compresses without being asked to are decoded."""
    inner = f"""
        gzip on; gzip_min_length 1; gzip_types application/json text/event-stream; gzip_http_version 1.0;
        server {{ listen unix:{{folder}}/inner.sock; {to(lab.port, "proxy_buffering off;")} }}
    """
    seen = "log_format coding '$upstream_http_content_encoding'; access_log {folder}/coding.log coding;"
    outer = f"""
        {seen.partition(";")[2]}
        location / {{ proxy_pass http://unix:{{folder}}/inner.sock; proxy_set_header Accept-Encoding gzip; gzip off; }}
    """
    edge = nginx(outer, http=f"{seen.partition(';')[0]}; {inner}")
    served = gateway(edge.url)
    assert served.chats.both() == {texts.primary}
    assert served.attempts == [1, 1]
    edge.end()
    assert (edge.folder / "coding.log").read_text().split() == ["gzip", "gzip"]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ("", "unavailable"),
        ("limit_req_status 429;", "rate_limited"),
        ("limit_req_status 444;", "connection_reset"),
    ],
    ids=["503", "429", "444 on a reused connection"],
)
def test_rate_limit(nginx, gateway, lab, backup, texts, more, kind):
    """The request that nginx's rate limit refuses is answered by the backup."""
    served = gateway(nginx(f"limit_req zone=one; {more}" + to(lab.port), http=LIMITS).url, backup.base_url)
    assert served.chats.plain() == texts.primary
    assert served.chats.plain() == texts.backup
    assert served.kinds == [kind]
    assert served.attempts == [1, 2]
    assert len(lab.calls) == 1


@pytest.mark.parametrize("size", [10_000, 3_000_000], ids=["10 kB", "3 MB"])
def test_body_too_large(nginx, gateway, lab, backup, size):
    """A request that is larger than nginx allows gets a 413 in OpenAI's shape after one call."""
    served = gateway(nginx("client_max_body_size 2k;" + to(lab.port)).url, backup.base_url)
    with pytest.raises(openai.APIStatusError) as caught:
        served.chats.plain("word " * (size // 5))
    assert caught.value.status_code == 413
    assert caught.value.body["halfopen"]["kind"] == "request_too_large"
    assert "<" not in caught.value.body["message"]
    assert served.attempts == [1]
    assert not lab.calls
    assert not backup.calls


IDLE = {
    "after two requests": ("keepalive_requests 2;", 0.0, 25),
    "after 10 ms": ("keepalive_timeout 10ms;", 0.001, 5),
    "never": ("keepalive_requests 1000;", 0.0, 1),
}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(("lines", "step_s", "connections"), IDLE.values(), ids=IDLE)
def test_closed_while_idle(
    request, nginx, gateway, lab, *, texts, wait, trust, lines, step_s, connections, tls
):
    """Over 50 requests no attempt is lost to a connection that nginx closed while it was idle."""
    certificate = ""
    if tls:
        authority = request.getfixturevalue("authority")
        trust(authority)
        certificate = authority.site("good")
    front = nginx(lines + to(lab.port), certificate=certificate)
    served = gateway(front.url)
    for number in range(50):
        assert (served.chats.stream() if number % 2 else served.chats.plain()) == texts.primary
        # From well before the close to well after it, so that some requests meet it on the way.
        wait(number % 17 * step_s)
    assert served.attempts == [1] * 50
    assert not served.faults
    assert len(lab.calls) == 50
    log = [entry for entry in front.log() if entry["status"] == "200"]
    assert len(log) == 50
    assert len({entry["connection"] for entry in log}) >= connections


def test_closed_under_load(nginx, gateway, lab, texts):
    """50 requests, ten at a time, over connections that end after two requests: none loses an attempt."""
    served = gateway(nginx("keepalive_requests 2;" + to(lab.port)).url)
    for _ in range(5):
        assert served.chats.together(10) == [texts.primary] * 10
    assert served.attempts == [1] * 50
    assert not served.faults
    assert len(lab.calls) == 50
