"""Where Redis is, and that no password is written out."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import UNSET

from halfopen.rollout import reference
from halfopen.rollout.checks.referenced import is_known
from halfopen.rollout.place import Path
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Redis

_PATH: Path = ("redis", "url")
_SCHEMES = ("redis", "rediss", "unix")


def check_redis(redis: Redis, environ: Mapping[str, str], findings: Findings) -> None:
    """Refuse an address that can't be used, and a password in the file."""
    url = redis.url
    if url is UNSET or findings.blamed(_PATH):
        return
    hint = 'write url = "${REDIS_URL}"'
    if not is_known(url, _PATH, environ, findings, hint=hint, example="redis://HOST:6379/0"):
        return
    if "@" in url and not reference.names(url):
        findings.add(_PATH, "holds a password", 'put the address into a variable: url = "${REDIS_URL}"')
        return
    try:
        parts = urlsplit(reference.resolve(url, environ).strip())
        scheme, place = parts.scheme, parts.path if parts.scheme == "unix" else parts.hostname
        usable = parts.port != 0
    except ValueError:
        scheme, place, usable = "", "", False
    if scheme not in _SCHEMES or not place or not usable:
        # Not its value, which may hold a password.
        findings.add(
            _PATH, "is no address of a Redis", "redis://HOST:6379/0, rediss://HOST:6379/0 or unix://PATH"
        )
