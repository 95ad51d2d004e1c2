"""Warnings and notes: configurations that work, but hardly as their author means."""

from collections.abc import Mapping
from dataclasses import fields

from msgspec import UNSET

from halfopen.model import Target
from halfopen.model.content import Keep
from halfopen.policy.options import Choice, JourneyOptions, PacerOptions
from halfopen.providers import catalogue
from halfopen.providers.clients.embeddings import other_space
from halfopen.rollout.address import loopback, loopback_host, pathless
from halfopen.rollout.place import Path, key, quoted
from halfopen.rollout.problem import Findings
from halfopen.rollout.settings import Model, Settings
from halfopen.rollout.snapshot import ProviderSpec, RouteSpec, Snapshot


def warn(snapshot: Snapshot, settings: Settings, warnings: Findings) -> None:
    """Note what works but is likely to disappoint.

    Args:
        snapshot: The configuration, resolved.
        settings: The same before it was resolved.
        warnings: Where they are noted.
    """
    if not loopback_host(snapshot.gateway.host):
        message = "other machines can send requests, and are not asked for a key"
        warnings.add(
            ("gateway", "host"), message, "keep 127.0.0.1, or see to it that only yours reach this port"
        )
    used = {target.provider for route in snapshot.routes.values() for target in route.targets}
    for name, provider in snapshot.providers.items():
        _warn_provider(provider, name in used, warnings)
    for route in snapshot.routes.values():
        _warn_route(route, warnings)
        _warn_times(route, warnings)
        _warn_choice(route, settings, warnings)
    _warn_hedge(snapshot, settings, warnings)
    _warn_models(settings, snapshot, warnings)


def note(snapshot: Snapshot, settings: Settings, notes: Findings) -> None:
    """Note what may be meant as it is: models that the catalogue doesn't know, addresses without a path."""
    for name, spec in snapshot.providers.items():
        given = settings.providers[name].base_url is not UNSET if name in settings.providers else False
        if given and spec.dialect == "openai" and pathless(spec.base_url):
            message = "the address has no path; those of most servers of this dialect end in /v1"
            notes.add(
                ("providers", name, "base_url"), message, f'write "{spec.base_url.rstrip("/")}/v1" if so'
            )
    for route in snapshot.routes.values():
        if route.content is not None:
            days = min(snapshot.store.content_days, snapshot.store.rows_days)
            which = "all requests" if route.content.keep is Keep.ALL else "requests that fail"
            message = f"prompts and answers of {which} are kept for {days} days, masked by their form only"
            notes.add(("routes", route.name, "keep_content"), message)
        for index, target in enumerate(route.targets):
            provider = snapshot.providers[target.provider]
            override = settings.providers[target.provider].models.get(target.model)
            overridden = override is not None and _tells_abilities(override)
            if provider.local or overridden or catalogue.known(target.dialect, target.model):
                continue
            message = f"the catalogue doesn't know {quoted(target.model)}; its dialect's defaults are assumed"
            hint = f"limits can be set in [providers.{target.provider}.models.{quoted(target.model)}]"
            notes.add(("routes", route.name, "targets", index), message, hint)


def _tells_abilities(model: Model) -> bool:
    """Whether the file says more of a model than its rate limits, which say nothing of what it can do."""
    told = {name for name in model.__struct_fields__ if getattr(model, name) is not UNSET}
    return bool(told.difference(field.name for field in fields(PacerOptions))) or not told


def _warn_provider(provider: ProviderSpec, used: bool, warnings: Findings) -> None:  # noqa: FBT001 - the only argument that is one
    path: Path = ("providers", provider.name)
    if not used:
        warnings.add(path, "no route uses this provider")
    if provider.base_url.startswith("http://") and not loopback(provider.base_url):
        message = "requests and the key travel unencrypted"
        warnings.add((*path, "base_url"), message, "use https:// unless the network is your own")
    if provider.key is None and provider.local is None and not loopback(provider.base_url):
        warnings.add(
            path, "calls are made without a key", f'add key = "${{{provider.name.upper()}_API_KEY}}"'
        )


def _warn_models(settings: Settings, snapshot: Snapshot, warnings: Findings) -> None:
    used = {(target.provider, target.model) for route in snapshot.routes.values() for target in route.targets}
    for name, provider in settings.providers.items():
        for model in provider.models:
            if (name, model) not in used:
                warnings.add(
                    ("providers", name, "models", model), "no route uses this model of this provider"
                )


def _warn_route(route: RouteSpec, warnings: Findings) -> None:
    path: Path = ("routes", route.name)
    if route.options.attempts < len(route.targets):
        message = (
            f"one request makes at most {route.options.attempts} calls, but there are {len(route.targets)} "
            "targets: the last ones are reached only while others are left alone"
        )
        warnings.add((*path, "targets"), message)
    for index, target in enumerate(route.targets[1:], start=1):
        lacks = shortcomings(route.targets[0], target)
        if lacks:
            message = (
                f"{target.name} can't stand in for {route.targets[0].name} in everything: {', '.join(lacks)}"
            )
            warnings.add((*path, "targets", index), message, "requests that need it skip this target")


def _warn_choice(route: RouteSpec, settings: Settings, warnings: Findings) -> None:
    """Ways to choose among targets that have nothing to go by."""
    path: Path = ("routes", route.name)
    options = route.options
    table = settings.routes.get(route.name)
    if table is not None and table.weights is not UNSET and options.choice is not Choice.WEIGHT:
        message = f'choose = "{options.choice}" looks at no weights'
        warnings.add((*path, "weights"), message, 'write choose = "weight", or leave them out')
    if options.choice is Choice.WEIGHT and not any(options.weights):
        warnings.add((*path, "weights"), "are all 0, so that none of the targets is preferred")
    if options.choice is not Choice.CHEAPEST or len(route.targets) == 1:
        return
    for index, target in enumerate(route.targets):
        if target.price is None:
            message = f"the price of {target.name} is not known, so it can't be chosen by its price"
            table_name = f"[providers.{key(target.provider)}.models.{quoted(target.model)}]"
            hint = f"give input_price and output_price in {table_name}"
            warnings.add((*path, "targets", index), message, hint)


def _warn_hedge(snapshot: Snapshot, settings: Settings, warnings: Findings) -> None:
    """Hedges that have nowhere to go, or only to where the first call waits already."""
    inherited = []
    for name, route in settings.routes.items():
        several = len({target.provider for target in snapshot.routes[name].targets}) > 1
        if route.hedge is UNSET:
            inherited.append(several)
        elif route.hedge > 0 and not several:
            one = "there is one target only" if len(route.targets) == 1 else "all targets share one provider"
            message = f"{one}: a second call has nowhere better to go"
            warnings.add(("routes", name, "hedge"), message, "add a target of another provider")
    if settings.defaults.hedge > 0 and not any(inherited):
        message = "no route that takes it from here has targets of two providers"
        warnings.add(("defaults", "hedge"), message, "add targets of other providers, or leave it out")


def shortcomings(primary: Target, backup: Target) -> list[str]:
    """What requests may ask of `primary` that `backup` can't do, in a few words each."""
    has, lacks = primary.capabilities, backup.capabilities
    found = []
    for name, first, second in (
        ("context", has.context_tokens, lacks.context_tokens),
        ("answer", has.output_tokens, lacks.output_tokens),
    ):
        if first is not None and second is not None and second < first:
            found.append(f"{name} of {second} tokens instead of {first}")
    for name, first_can, second_can in (
        ("tools", has.tools, lacks.tools),
        ("images", has.images, lacks.images),
        ("images by URL", has.image_urls, lacks.image_urls or not lacks.images),
        ("JSON Schema", has.json_schema, lacks.json_schema),
        ("JSON mode", has.json_object, lacks.json_object),
        ("system messages", has.system, lacks.system),
        ("temperature", has.sampling, lacks.sampling),
        ("audio", has.audio, lacks.audio),
        ("files", has.files, lacks.files),
        ("reasoning", has.reasoning, lacks.reasoning),
        ("choice of dimensions", _embeds(primary) and has.shorter_vectors, lacks.shorter_vectors),
    ):
        if first_can and not second_can:
            found.append(f"no {name}")
    if _embeds(primary) or _embeds(backup):
        space = other_space(primary, backup)
        found += [space] if space else []
    return found


def _embeds(target: Target) -> bool:
    """Whether a target is there to make embeddings, as far as one can tell."""
    return target.capabilities.vector_space is not None or "embed" in target.model.lower()


def _warn_times(route: RouteSpec, warnings: Findings) -> None:
    """Bounds within bounds: the outer one makes a longer inner one pointless.

    The built-in `first_token_s` is only the most that an attempt gets, and gives way to a short deadline.
    """
    options, built_in = route.options, JourneyOptions()
    pairs: Mapping[tuple[str, str], tuple[float, float]] = {
        ("attempt_s", "deadline_s"): (options.attempt_s, options.deadline_s),
        ("first_token_s", "deadline_s"): (options.first_token_s, options.deadline_s),
        ("deadline_s", "stream_s"): (options.deadline_s, options.stream_s),
        ("stall_s", "stream_s"): (options.stall_s, options.stream_s),
    }
    for (inner, outer), (inner_s, outer_s) in pairs.items():
        if inner_s > outer_s and (inner, inner_s) != ("first_token_s", built_in.first_token_s):
            message = f"{inner} ({inner_s:g}) is longer than {outer} ({outer_s:g}), which ends it first"
            warnings.add(("routes", route.name, inner), message)
