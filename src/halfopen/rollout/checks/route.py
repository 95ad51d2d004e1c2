"""Targets of a route: each must name a provider and a model, once."""

from collections.abc import Set as AbstractSet

from halfopen.rollout.place import Path, quoted
from halfopen.rollout.problem import Findings, did_you_mean
from halfopen.rollout.settings import Route


def check_route(name: str, route: Route, providers: AbstractSet[str], findings: Findings) -> None:
    """Refuse targets that can't be called.

    Args:
        name: The model name that clients send.
        route: The route.
        providers: Names of all providers in the file, also of those with problems.
        findings: Where problems are noted.
    """
    path: Path = ("routes", name, "targets")
    seen: dict[str, int] = {}
    for index, target in enumerate(route.targets):
        _check_target(target, providers, (*path, index), findings)
        if target in seen:
            message = f"{quoted(target)} is there twice; a failed target is retried anyway"
            findings.add((*path, index), message, "leave one out")
        seen.setdefault(target, index)


def _check_target(target: str, providers: AbstractSet[str], path: Path, findings: Findings) -> None:
    provider, slash, model = target.partition("/")
    if not slash:
        example = min(providers) if providers else "openai"
        findings.add(
            path, f"{quoted(target)} has no slash", f"write provider/model, such as {example}/{target}"
        )
    elif not model.strip() or model != model.strip():
        findings.add(path, f"{quoted(target)} names no model after the slash", "write provider/model")
    elif provider not in providers:
        hint = did_you_mean(provider, providers)
        findings.add(path, f"there is no provider {quoted(provider)}", hint or "add it under [providers]")
