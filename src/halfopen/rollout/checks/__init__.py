"""What types and ranges can't say: how settings fit together. One module for each table."""

from collections.abc import Mapping
from typing import Any

from halfopen.rollout.checks.dashboard import check_dashboard
from halfopen.rollout.checks.objective import check_objective
from halfopen.rollout.checks.otel import check_otel
from halfopen.rollout.checks.policy import check_policy
from halfopen.rollout.checks.provider import check_is_other, check_provider
from halfopen.rollout.checks.redact import check_redact
from halfopen.rollout.checks.redis import check_redis
from halfopen.rollout.checks.route import check_defaults, check_route
from halfopen.rollout.checks.size import check_size
from halfopen.rollout.checks.statsd import check_statsd
from halfopen.rollout.checks.store import check_store
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Settings

__all__ = ["check"]


def check(
    settings: Settings, data: Mapping[str, Any], environ: Mapping[str, str], findings: Findings
) -> None:
    """Check how the settings fit together and with the environment.

    Args:
        settings: The part of the file that has the right shape.
        data: All that the file says, so that a provider with a problem still counts as declared.
        environ: Environment variables that references may name.
        findings: Where problems are noted; those of the shape are there already.
    """
    for name, provider in settings.providers.items():
        check_provider(name, provider, environ, findings)
        check_is_other(name, provider, settings.gateway, findings)
    declared = _names(data, "providers")
    for name, route in settings.routes.items():
        check_route(name, route, settings.defaults, declared, findings)
    check_size(settings, findings)
    check_defaults(settings.defaults, _names(data, "defaults"), findings)
    check_policy(settings.policy, findings)
    check_redis(settings.redis, environ, findings)
    check_redact(settings.redact, findings)
    check_store(settings.store, environ, findings)
    check_dashboard(settings.dashboard, environ, findings)
    check_otel(settings.otel, environ, findings)
    check_statsd(settings.statsd, findings)
    for name, objective in settings.objectives.items():
        check_objective(name, objective, _names(data, "routes"), settings.store, findings)
    if not declared and not findings.blamed(("providers",)):
        findings.add(("providers",), "there is no provider", "`halfopen config example` shows one")
    if not _names(data, "routes") and not findings.blamed(("routes",)):
        hint = 'add [routes."gpt-4o-mini"] with targets = ["PROVIDER/MODEL"]'
        findings.add(("routes",), "there is no route, so no request could be answered", hint)


def _names(data: Mapping[str, Any], table: str) -> frozenset[str]:
    found = data.get(table)
    return frozenset(found) if isinstance(found, dict) else frozenset()
