"""A route: its targets must each name a provider and a model, once; its times and weights must agree."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet

from msgspec import UNSET

from halfopen.rollout.place import Path, quoted
from halfopen.rollout.problem import Findings, did_you_mean
from halfopen.rollout.settings import Defaults, Route


def check_defaults(defaults: Defaults, given: Collection[str], findings: Findings) -> None:
    """Refuse times that contradict each other. Only those that are `given`: built-in ones give way."""
    if "first_token_min_s" in given:
        _check_first_token(defaults.first_token_min_s, defaults.first_token_s, ("defaults",), findings)


def check_route(
    name: str, route: Route, defaults: Defaults, providers: AbstractSet[str], findings: Findings
) -> None:
    """Refuse targets that can't be called, and times and weights that contradict the rest.

    Args:
        name: The model name that clients send.
        route: The route.
        defaults: What it has where it says nothing.
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
    if route.first_token_min_s is not UNSET:
        longest_s = defaults.first_token_s if route.first_token_s is UNSET else route.first_token_s
        _check_first_token(route.first_token_min_s, longest_s, ("routes", name), findings)
    _check_weights(route, defaults, ("routes", name), findings)


def _check_weights(route: Route, defaults: Defaults, path: Path, findings: Findings) -> None:
    """One weight for each target; needed as soon as there is a choice to make by them."""
    count = len(route.targets)
    if route.weights is not UNSET:
        if len(route.weights) != count:
            message = f"must be as many as the targets, {count}, but are {len(route.weights)}"
            findings.add((*path, "weights"), message, "write one for each target, in their order")
        return
    choose = defaults.choose if route.choose is UNSET else route.choose
    if choose == "weight" and count > 1 and not findings.blamed((*path, "weights")):
        place = path if route.choose is UNSET else (*path, "choose")
        equal = ", ".join(["1"] * count)
        findings.add(
            place, 'choose = "weight" needs weights', f"add weights = [{equal}], one for each target"
        )


def _check_first_token(least_s: float, longest_s: float, path: Path, findings: Findings) -> None:
    if least_s > longest_s:
        message = f"must not be above first_token_s, which is {longest_s:g}"
        findings.add((*path, "first_token_min_s"), message)


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
