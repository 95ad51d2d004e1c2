"""Claude's thoughts: who has them, what is shown of them, and the signature that proves them."""

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any

from halfopen.lab.anthropic.refusal import Refusal

_ADAPTIVE_ONLY = re.compile(r"\Aclaude-(?:opus-4-[78]|[a-z]+-(?:[5-9]|\d\d)(?!\d))")
_SIGNED = b"lab thoughts "
Body = Mapping[str, Any]


def thinks(body: Body) -> bool:
    """Whether the answer begins with thoughts."""
    return (body.get("thinking") or {}).get("type") in {"enabled", "adaptive"}


def shows_thoughts(body: Body) -> bool:
    """Whether the thoughts are sent; else only their signature. Newer models must be asked to."""
    default = "omitted" if _ADAPTIVE_ONLY.match(body["model"]) else "summarized"
    return ((body.get("thinking") or {}).get("display") or default) != "omitted"


def check_thinking(body: Body) -> None:
    """Refuse what does not go together with thinking. Raises Refusal."""
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] == "enabled":
        if _ADAPTIVE_ONLY.match(body["model"]):
            raise Refusal(
                '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
                '"output_config.effort" to control thinking behavior.'
            )
        if "max_tokens" in body and thinking["budget_tokens"] >= body["max_tokens"]:
            raise Refusal("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if not thinks(body):
        return
    if body.get("temperature", 1) != 1:
        raise Refusal("`temperature` may only be set to 1 when thinking is enabled.")
    if (body.get("tool_choice") or {}).get("type") in {"any", "tool"}:
        raise Refusal("Thinking may not be enabled when tool_choice forces tool use.")


def signature(thoughts: str) -> str:
    """What Claude signs its thoughts with."""
    return base64.b64encode(_SIGNED + b"%08x" % zlib.crc32(thoughts.encode())).decode()


def check_signature(block: Body, place: int) -> None:
    """Refuse thoughts that Claude did not write. Raises Refusal."""
    if block["type"] != "thinking":
        return
    given, thoughts = block["signature"], block["thinking"]
    hidden = not thoughts and given.startswith(base64.b64encode(_SIGNED[:12]).decode())
    if given != signature(thoughts) and not hidden:
        raise Refusal(f"messages.{place}.content.0: Invalid `signature` in `thinking` block")
