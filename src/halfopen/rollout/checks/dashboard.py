"""That nobody looks in from outside without a token, and that no token is written out."""

import ipaddress
from collections.abc import Mapping

from msgspec import UNSET

from halfopen.rollout import reference
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Dashboard
from halfopen.rollout.settings.dashboard import TOKEN_MIN_CHARS


def check_dashboard(dashboard: Dashboard, environ: Mapping[str, str], findings: Findings) -> None:
    """Refuse a dashboard that is open to other machines, and a token in the file."""
    token = dashboard.token
    if not dashboard.enabled or findings.blamed(("dashboard",)):
        return
    if token is UNSET:
        if not is_loopback(dashboard.host):
            findings.add(
                ("dashboard", "host"),
                "lets other machines in, without a token",
                'add token = "${HALFOPEN_DASHBOARD_TOKEN}"',
            )
        return
    path = ("dashboard", "token")
    names = reference.names(token)
    if reference.malformed(token) or not names:
        hint = 'put it into a variable: token = "${HALFOPEN_DASHBOARD_TOKEN}"'
        findings.add(path, "is no reference to an environment variable", hint)
        return
    missing = [name for name in names if not environ.get(name, "").strip()]
    if missing:
        hint = f"export {missing[0]}=$(openssl rand -hex 32)"
        findings.add(path, f"the environment variable {missing[0]} is not set", hint)
    elif len(reference.resolve(token, environ).strip()) < TOKEN_MIN_CHARS:
        hint = f"export {names[0]}=$(openssl rand -hex 32)"
        findings.add(path, f"has fewer than {TOKEN_MIN_CHARS} characters, so that it could be guessed", hint)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
