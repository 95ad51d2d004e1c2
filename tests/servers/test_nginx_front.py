"""A real nginx in front of Halfopen, as it is deployed, with the official client before it."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import openai
import pytest

from halfopen.lab.answer import is_whole
from halfopen.policy import AfterCommit

pytestmark = pytest.mark.server("nginx")

PASS = "proxy_pass http://127.0.0.1:{port};"
# How people configure it: as the guide says, with only the address, or with keep-alive as well.
DEPLOYED = {
    "as advised": "proxy_http_version 1.1; proxy_set_header Connection ''; proxy_buffering off;",
    "HTTP 1.0": "proxy_buffering off;",
    "defaults": "",
}
deployed = pytest.mark.parametrize("lines", DEPLOYED.values(), ids=DEPLOYED)


@pytest.fixture
def deploy(nginx, client):
    """An official client whose requests reach the gateway through nginx."""

    def make(gateway, lines):
        front = nginx(f"location / {{ {PASS.format(port=gateway.server.port)} {lines} }}")
        return client(front.url)

    return make


@deployed
def test_plain_and_streamed(deploy, gateway, lab, backup, texts, lines):
    """Chats come through whole, before and during an outage of the primary."""
    served = gateway(lab.base_url.removesuffix("/v1"), backup.base_url)
    chats = deploy(served, lines)
    assert chats.both() == {texts.primary}
    lab.set_fault("openai_500_server_error")
    assert chats.both() == {texts.backup}


@deployed
def test_streams_are_not_held_up(deploy, gateway, lab, texts, lines):
    """The first words reach the client while the upstream is still speaking, even with nginx's buffering on."""
    lab.pace_s = 0.01
    chats = deploy(gateway(lab.base_url.removesuffix("/v1")), lines)
    speaking = []
    assert chats.stream(lambda said: speaking.append(lab.calls[0].ended is None)) == texts.primary
    assert speaking[0]


broken = pytest.mark.parametrize(
    "fault",
    ["stream_cut_after_content", "stream_reset_after_content", "stream_clean_end_after_content"],
)


@deployed
@broken
def test_a_stream_that_breaks_is_continued(deploy, gateway, lab, backup, lines, fault):
    """The client reads one whole text, which the backup has finished."""
    lab.set_fault(fault)
    chats = deploy(gateway(lab.base_url.removesuffix("/v1"), backup.base_url), lines)
    assert is_whole(chats.stream())
    assert len(backup.calls) == 1


@deployed
@broken
def test_break_off_is_seen(deploy, gateway, lab, backup, texts, lines, fault):
    """Where the route doesn't continue it is an error at the client, never a finished answer."""
    lab.set_fault(fault)
    served = gateway(lab.base_url.removesuffix("/v1"), backup.base_url, after_commit=AfterCommit.ERROR)
    chats = deploy(served, lines)
    said = [""]
    with pytest.raises(openai.APIError) as caught:
        chats.stream(said.append)
    assert said[-1]
    assert texts.primary.startswith(said[-1])
    assert caught.value.body["halfopen"]["kind"] in {"cut_body", "no_finish"}
    assert not backup.calls


@pytest.mark.parametrize("lines", [DEPLOYED["as advised"]], ids=["as advised"])
def test_break_off_is_seen_without_words(run, nginx, gateway, lab, lines):
    """The body that reaches a client behind nginx lacks its last chunk when the stream broke off."""
    lab.set_fault("stream_cut_after_content")
    served = gateway(lab.base_url.removesuffix("/v1"))
    front = nginx(f"location / {{ {PASS.format(port=served.server.port)} {lines} }}")
    body = b'{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hello"}]}'

    async def raw() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", front.port)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        everything = await reader.read()  # nginx closes: it can't promise another answer here
        writer.close()
        return everything

    answer = run(raw())
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"error"' in answer
    assert b"[DONE]" not in answer
    assert not answer.endswith(b"0\r\n\r\n")


@deployed
def test_errors_come_through(deploy, gateway, reserve, lines):
    """A final failure passes nginx as it is: status, headers and OpenAI's shape."""
    chats = deploy(gateway(f"http://127.0.0.1:{reserve()}"), lines)
    with pytest.raises(openai.InternalServerError) as caught:
        chats.plain()
    error = caught.value
    assert error.status_code == 502
    assert error.body["halfopen"]["kind"] == "connection_refused"
    assert error.response.headers["x-should-retry"] == "false"
    assert error.response.headers["x-halfopen-attempts"] == str(len(error.body["halfopen"]["attempts"]))


@deployed
def test_client_leaves(deploy, wait, gateway, lab, lines):
    """When the client leaves behind nginx, the upstream's work is cancelled."""
    lab.pace_s = 0.05
    served = gateway(lab.base_url.removesuffix("/v1"))
    deploy(served, lines).leave()

    for _ in range(200):
        if lab.calls[0].ended is not None and served.outcomes:
            break
        wait(0.005)
    assert lab.calls[0].client_left
    assert served.outcomes[0].client_gone


CONFIGURATION = """
[gateway]
port = {port}

[providers.primary]
dialect = "openai"
base_url = "{primary}/v1"
key = "${{PRIMARY_KEY}}"

[providers.backup]
dialect = "anthropic"
base_url = "{backup}"
key = "${{BACKUP_KEY}}"

[routes."gpt-4o-mini"]
targets = ["primary/gpt-4o-mini", "backup/claude-haiku-4-5"]
deadline_s = 10
"""


@pytest.mark.server("openssl")
def test_the_command(run, nginx, client, *, authority, lab, backup, reserve, tmp_path, texts):
    """`halfopen run` between two nginx, TLS behind it: whole answers, failover, and an orderly end."""
    behind = nginx(f"location / {{ {PASS.format(port=lab.port)} }}", certificate=authority.site("good"))
    port = reserve()
    front = nginx(f"location / {{ {PASS.format(port=port)} {DEPLOYED['as advised']} }}")
    file = tmp_path / "halfopen.toml"
    file.write_text(CONFIGURATION.format(port=port, primary=behind.url, backup=backup.base_url))
    keys = {"PRIMARY_KEY": "sk-primary", "BACKUP_KEY": "sk-backup"}

    async def start() -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("halfopen"), "run", "-c", file, "--json"),
            env={
                **os.environ,
                **keys,
                "SSL_CERT_FILE": str(authority.folder / "ca.pem"),
                "XDG_STATE_HOME": str(tmp_path),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        assert line, (await process.stderr.read()).decode()
        assert json.loads(line)["address"].endswith(f":{port}")
        return process

    async def stop(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
        process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(process.communicate(), 20)

    process = run(start())
    try:
        chats = client(front.url)
        assert chats.both() == {texts.primary}
        lab.set_fault("openai_500_server_error")
        assert chats.both() == {texts.backup}
    finally:
        _, told = run(stop(process))
    assert process.returncode == 0, told
    assert b"sk-primary" not in told
