"""API keys that their vendors gave a recognisable form.

A pattern opens with the key's own prefix and looks back after it, so that the search runs at the speed
of a plain string search.
"""

from typing import Final

from halfopen.redact.mask import Mask
from halfopen.redact.rule import Rule, substitution


def _prefixed(name: str, prefix: str, rest: str, mask: Mask = Mask.KEY) -> Rule:
    """A rule for `prefix` (a plain string) that no letter or digit precedes, followed by `rest`."""
    literal = prefix.replace(".", r"\.")
    return substitution(name, rf"{literal}(?<![A-Za-z0-9]{literal}){rest}", mask, prefix.lower())


RULES: Final[tuple[Rule, ...]] = (
    # As OpenAI's 401 echoes it: sk-abc***xyz.
    _prefixed("half-masked sk-", "sk-", r"[A-Za-z0-9_-]{0,24}+(?:\*{2,}+|\.{3}|…)[A-Za-z0-9_*-]*+"),
    # OpenAI (sk-, sk-proj-, sk-svcacct-, sk-admin-), Anthropic (sk-ant-), OpenRouter (sk-or-), DeepSeek
    # and others. The longer prefixes leave no doubt, so a key that was cut short is masked as well.
    _prefixed("named sk-", "sk-", r"(?:proj|svcacct|admin|ant|or|None|lf)-[A-Za-z0-9_-]{4,}+"),
    # Not a few lower-case words, such as the style sheet class `sk-toggleable__label-arrow`.
    _prefixed("sk-", "sk-", r"(?=[A-Za-z0-9_-]{16})(?![a-z_-]{1,60}+(?![A-Za-z0-9_-]))[A-Za-z0-9_-]++"),
    # Our own, and not the ids of requests, which begin in the same way.
    _prefixed("halfopen", "ho-", r"[a-f0-9]{12}-[A-Za-z0-9_-]{24,}+"),
    _prefixed("openai session", "sess-", r"(?=[A-Za-z]{0,64}[0-9])[A-Za-z0-9]{20,}+"),
    _prefixed("stripe secret", "sk_", r"(?:live|test)_[A-Za-z0-9]{8,}+"),
    _prefixed("stripe restricted", "rk_", r"(?:live|test)_[A-Za-z0-9]{8,}+"),
    _prefixed("web hook secret", "whsec_", r"[A-Za-z0-9+/=]{16,}+"),
    _prefixed("groq", "gsk_", r"[A-Za-z0-9]{16,}+"),
    _prefixed("xai", "xai-", r"[A-Za-z0-9]{16,}+"),
    _prefixed("hugging face", "hf_", r"(?=[A-Za-z0-9]{16})[A-Za-z0-9]++", Mask.TOKEN),
    _prefixed("replicate", "r8_", r"[A-Za-z0-9]{20,}+", Mask.TOKEN),
    _prefixed("perplexity", "pplx-", r"[A-Za-z0-9]{20,}+"),
    _prefixed("cerebras", "csk-", r"[A-Za-z0-9]{20,}+"),
    _prefixed("nvidia", "nvapi-", r"[A-Za-z0-9_-]{20,}+"),
    _prefixed("together", "tgp_v1_", r"[A-Za-z0-9_-]{16,}+"),
    _prefixed("fireworks", "fw_", r"[A-Za-z0-9]{20,}+"),
    _prefixed("pinecone", "pcsk_", r"[A-Za-z0-9_]{20,}+"),
    _prefixed("langsmith", "lsv2_", r"(?:pt|sk)_[A-Za-z0-9_]{16,}+"),
    _prefixed("github", "gh", r"[pousr]_[A-Za-z0-9]{16,}+", Mask.TOKEN),
    _prefixed("github fine-grained", "github_pat_", r"[A-Za-z0-9_]{8,}+", Mask.TOKEN),
    _prefixed("gitlab", "glpat-", r"[A-Za-z0-9_-]{12,}+", Mask.TOKEN),
    _prefixed("npm", "npm_", r"[A-Za-z0-9]{30,}+", Mask.TOKEN),
    _prefixed("docker", "dckr_pat_", r"[A-Za-z0-9_-]{16,}+", Mask.TOKEN),
    _prefixed("digitalocean", "dop_v1_", r"[a-f0-9]{16,}+", Mask.TOKEN),
    _prefixed("slack", "xox", r"[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{8,}+", Mask.TOKEN),
    _prefixed("slack app", "xapp-", r"[0-9]-[A-Za-z0-9-]{8,}+", Mask.TOKEN),
    _prefixed("sendgrid", "SG.", r"[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"),
)
