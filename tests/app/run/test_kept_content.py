"""Prompts and answers through a real gateway: kept where the route says so, and never with a secret in them."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

KEPT = 'keep_content = "all"\n[redact]\npatterns = ["EMP-[0-9]{6}"]\n'
FAILED = 'keep_content = "failed"\n'
HARMLESS = "marmalade"
"""A word of the prompt that is to be kept, or that must be nowhere."""
SAID = {
    "e-mail address": "jane.doe@example.org",
    "card number": "4111 1111 1111 1111",
    "key": "sk-proj-Zk3vP9wQx7LmN2bT5yR8",
    "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "own pattern": "EMP-314159",
}
"""Short enough to be quoted by the lab in its answer, together."""
ASKED = {
    **SAID,
    "IBAN": "DE89370400440532013000",
    "telephone number": "+49 30 90182036",
    "password in an address": "hunter2-of-the-database",
    "bearer": "c2VjcmV0LXRva2VuLTEyMzQ1Njc4OTA",
    "private key": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "own key": "sk-lab-0123456789",
}
_WITHIN_S = 20.0


def asking(*, stream: bool) -> bytes:
    """A whole request that holds all of these secrets, some in the result of a tool, which the lab quotes."""
    told = (
        f"{HARMLESS} and mail {ASKED['e-mail address']}, IBAN {ASKED['IBAN']}, call {ASKED['telephone number']}. "
        f"postgres://app:{ASKED['password in an address']}@db/x Authorization: Bearer {ASKED['bearer']} "
        f"-----BEGIN PRIVATE KEY-----\n{ASKED['private key']}\n-----END PRIVATE KEY----- "
        f"{ASKED['own key']}"
    )
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"Please think of {HARMLESS} for a moment. {told}"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": ", ".join(SAID.values())},
    ]
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    asked = {"model": "m", "messages": messages, "stream": stream, "tools": tools, "tool_choice": "none"}
    body = json.dumps(asked).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def found_in(folder: Path, text: str) -> list[str]:
    """The files of a state directory whose bytes hold a text; and rows of content, wherever they lie in it."""
    found = [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and text.encode() in path.read_bytes()
    ]
    return found + [f"row {each}" for each, row in enumerate(rows(folder)) if text.encode() in row]


def rows(folder: Path) -> list[bytes]:
    """What is kept of each request."""
    path = folder / "content.db"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path)) as db, contextlib.suppress(sqlite3.OperationalError):
        return [prompt + answer for prompt, answer in db.execute("SELECT prompt, answer FROM content")]
    return []  # its table is about to be made


async def answered(kit: Any, gateway: Any, *, stream: bool) -> tuple[int, str, bytes]:
    """Status, id and body of one answer."""
    client = await kit.client.connect(gateway.port)
    status, headers, body = await client.ask(asking(stream=stream))
    client.leave()
    return status, headers["x-halfopen-request-id"], body


async def shown(stage: Any, request_id: str) -> dict[str, Any]:
    """What `halfopen show --json` says, once control has it."""
    told: dict[str, Any] = await stage.command("show", request_id)
    return told


def recorded(stage: Any) -> int:
    """Outcomes in the store; 0 also when its tables are about to be made."""
    with contextlib.suppress(sqlite3.OperationalError):
        return int(stage.recorded())
    return 0


def texts(transcript: dict[str, Any]) -> str:
    """All texts of one."""
    return "\n".join(part.get("content", "") for each in transcript["messages"] for part in each["parts"])


def test_secrets_of_plain_and_streamed_requests_are_nowhere(play: Any, kit: Any) -> None:
    """What is harmless is kept and shown; each planted secret is in no byte of the state directory, nor printed."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1, route=KEPT)
        ids = []
        for stream in (False, True):
            status, request_id, body = await answered(kit, gateway, stream=stream)
            assert status == 200
            said = body.replace(b'"},"', b"").decode()
            assert stream or all(secret in said for secret in SAID.values()), "the lab quotes them"
            ids.append(request_id)
        await kit.eventually(
            lambda: len(rows(stage.state)) == recorded(stage) == 2, lambda: gateway.said, _WITHIN_S
        )
        for request_id in ids:
            content = (await shown(stage, request_id))["content"]
            prompt, answer = texts(content["prompt"]), texts(content["answer"])
            assert [each["role"] for each in content["prompt"]["messages"]] == [
                "system", "user", "assistant", "tool",
            ]  # fmt: skip
            assert HARMLESS in prompt
            assert "nineteen twenty." in answer
            assert content["masked"] >= len(ASKED) + 2 * len(SAID) - len(SAID), content
            for mask in ("[email]", "[card]", "[token]", "[pattern]"):
                assert mask in prompt, mask
                assert mask in answer, mask
            for mask in ("[iban]", "[phone]", "[private key]", "[userinfo]"):
                assert mask in prompt, mask
            for name, secret in ASKED.items():
                assert secret not in json.dumps(content), name
        assert found_in(stage.state, HARMLESS), "else nothing is looked through"
        await gateway.end()
        assert "content.db" in found_in(stage.state, HARMLESS)
        for name, secret in ASKED.items():
            assert found_in(stage.state, secret) == [], name
        assert HARMLESS not in gateway.said
        # Nobody answers any more: the command reads the files.
        content = (await shown(stage, ids[0]))["content"]
        assert HARMLESS in texts(content["prompt"])

    play(scene)


def test_by_default_nothing_is_kept(play: Any, kit: Any) -> None:
    """A route that says nothing leaves no trace of what was asked or answered, nor a file for it."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1)
        for stream in (False, True):
            status, request_id, _ = await answered(kit, gateway, stream=stream)
            assert status == 200
        await kit.eventually(lambda: recorded(stage) == 2, lambda: gateway.said, _WITHIN_S)
        told = await shown(stage, request_id)
        assert told["content"] is None
        await gateway.end()
        for text in (HARMLESS, "nineteen twenty", *ASKED.values()):
            assert found_in(stage.state, text) == [], text
        assert not (stage.state / "content.db").exists()

    play(scene)


def test_a_route_may_keep_failures_only(play: Any, kit: Any) -> None:
    """A whole answer is not kept; a request that failed is, without an answer."""

    async def scene(stage: Any) -> None:
        gateway = await stage.start(workers=1, route=FAILED)
        status, _, _ = await answered(kit, gateway, stream=False)
        assert status == 200
        await stage.primary.stop()
        await stage.spare.stop()
        status, request_id, _ = await answered(kit, gateway, stream=True)
        assert status >= 500
        await kit.eventually(
            lambda: len(rows(stage.state)) == 1 and recorded(stage) == 2, lambda: gateway.said, _WITHIN_S
        )
        content = (await shown(stage, request_id))["content"]
        assert HARMLESS in texts(content["prompt"])
        assert content["answer"]["messages"] == []
        await asyncio.sleep(0.05)
        assert len(rows(stage.state)) == 1

    play(scene)
