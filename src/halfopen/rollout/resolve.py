"""Settings to a snapshot: defaults filled in, targets looked up in the catalogue, secrets kept apart."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from msgspec import UNSET

from halfopen.model import Capabilities, Price, Target
from halfopen.model.content import ContentOptions, Keep
from halfopen.policy.options import (
    AfterCommit,
    BreakerOptions,
    Choice,
    HedgeOptions,
    JourneyOptions,
    JsonAnswers,
    LimitOptions,
    PacerOptions,
    ParkingOptions,
    PolicyOptions,
    RetryOptions,
    SlownessOptions,
)
from halfopen.providers import catalogue, dialect_of
from halfopen.providers.compatible import FLAVOURS, recognise
from halfopen.rollout import reference
from halfopen.rollout.settings import LOCAL_ONLY, Defaults, Model, Policy, Provider, Route, Settings, Table
from halfopen.rollout.snapshot import LocalSpec, ProviderSpec, RouteSpec, Snapshot, sealed

LocalAbility = Callable[[LocalSpec], Capabilities]
"""Tells what a local model can do. The shell looks into the model file; the core can't."""

_RATES = tuple(field.name for field in fields(PacerOptions))
"""Rate limits, which a provider and its models state alike."""


def small_local(local: LocalSpec) -> Capabilities:
    """What any local model can do, without a look at its file: chat, and answers of a given shape."""
    return Capabilities(
        context_tokens=local.context_tokens,
        output_tokens=local.context_tokens,
        tools=False,
        parallel_tools=False,
        images=False,
        image_urls=False,
        audio=False,
        files=False,
    )


def resolve(settings: Settings, local_ability: LocalAbility = small_local) -> Snapshot:
    """Make the snapshot of settings that `check` passed."""
    providers = {name: _provider(name, provider) for name, provider in settings.providers.items()}
    routes = {name: _route(name, route, settings, local_ability) for name, route in settings.routes.items()}
    policy = _policy(settings.policy)
    return sealed(
        Snapshot(
            settings.gateway,
            providers,
            routes,
            policy,
            processes=settings.processes,
            store=settings.store,
            redis=settings.redis,
            redact=settings.redact,
            objectives=settings.objectives,
            dashboard=settings.dashboard,
            statsd=settings.statsd,
            otel=settings.otel,
        )
    )


def secrets_of(settings: Settings, environ: Mapping[str, str]) -> reference.Secrets:
    """The values of all references in settings that `check` passed."""
    values: dict[str, str] = {}
    for name, provider in settings.providers.items():
        texts = list(provider.headers.values())
        for place, key in _keys(name, provider):
            texts.append(key)
            if reference.referred(key) is None:
                values[place] = key
        for text in texts:
            values.update({variable: environ[variable].strip() for variable in reference.names(text)})
    return reference.Secrets(values)


def _keys(name: str, provider: Provider) -> list[tuple[str, str]]:
    """The keys of a provider as the file says them, each with a name in case that it is written out.

    No environment variable has a dot in its name here.
    """
    if provider.key is not UNSET:
        return [(f"providers.{name}.key", provider.key)]
    given = () if provider.keys is UNSET else provider.keys
    return [(f"providers.{name}.keys.{index}", key) for index, key in enumerate(given)]


def _provider(name: str, provider: Provider) -> ProviderSpec:
    dialect = "openai" if provider.dialect is UNSET else provider.dialect
    local = _local(provider) if provider.local else None
    flavour = _flavour(provider)
    base_url = (
        dialect_of(dialect, flavour).default_base_url if provider.base_url is UNSET else provider.base_url
    )
    keys = tuple(_referred(place, key) for place, key in _keys(name, provider))
    limits = PacerOptions(**_given(provider, _RATES))
    return ProviderSpec(
        name=name,
        dialect=dialect,
        base_url="" if local else base_url.rstrip("/"),
        key=keys[0] if keys else None,
        flavour=flavour,
        headers=tuple(sorted(provider.headers.items())),
        connect_s=provider.connect_s,
        connections_max=provider.connections_max,
        idle_s=provider.idle_s,
        local=local,
        more_keys=keys[1:],
        limits=limits,
        model_limits=tuple(
            (model, replace(limits, **rates))
            for model, override in sorted(provider.models.items())
            if (rates := _given(override, _RATES))
        ),
    )


def _flavour(provider: Provider) -> str | None:
    """The flavour that is given, or that the address tells for certain."""
    if provider.local:
        return "llamacpp"
    if provider.flavour is not UNSET:
        return provider.flavour
    if provider.dialect != "openai" or provider.base_url is UNSET:
        return None
    recognised = recognise(provider.base_url)
    return recognised.name if recognised else None


def _referred(place: str, key: str) -> str:
    """A key that is written out becomes a reference too, so that no snapshot holds a value."""
    return reference.reference(place) if reference.referred(key) is None else key


def _local(provider: Provider) -> LocalSpec:
    return LocalSpec(**_given(provider, LOCAL_ONLY))


def _route(name: str, route: Route, settings: Settings, local_ability: LocalAbility) -> RouteSpec:
    targets = tuple(_target(target, settings, local_ability) for target in route.targets)
    return RouteSpec(name, targets, _journey(route, settings.defaults), _content(route))


def _content(route: Route) -> ContentOptions | None:
    return (
        None
        if route.keep_content == "none"
        else ContentOptions(Keep(route.keep_content), route.content_bytes)
    )


def _target(target: str, settings: Settings, local_ability: LocalAbility) -> Target:
    name, _, model = target.partition("/")
    provider = settings.providers[name]
    dialect = "openai" if provider.dialect is UNSET else provider.dialect
    capabilities, price = catalogue.lookup(dialect, model)
    flavour = _flavour(provider)
    if provider.local:
        capabilities, price = local_ability(_local(provider)), None
    elif flavour is not None:
        capabilities = FLAVOURS[flavour].narrowed(capabilities)
    override = provider.models.get(model)
    if override is not None:
        capabilities, price = _overridden(override, capabilities, price)
    return Target(name, model, dialect, capabilities, price)


def _overridden(model: Model, known: Capabilities, price: Price | None) -> tuple[Capabilities, Price | None]:
    given = _given(model, tuple(field.name for field in fields(Capabilities)))
    if model.input_price is not UNSET and model.output_price is not UNSET:
        price = Price(model.input_price, model.output_price)
    return replace(known, **given), price


def _journey(route: Route, defaults: Defaults) -> JourneyOptions:
    given = _given(defaults) | _given(route)
    for name in ("targets", "keep_content", "content_bytes"):
        del given[name]
    choice = Choice(given.pop("choose"))
    weights = given.pop("weights", (1.0,) * len(route.targets))
    given["choice"] = choice
    given["weights"] = weights if choice is Choice.WEIGHT else ()
    given["hedge"] = HedgeOptions(extra_load=given["hedge"])
    given["after_commit"] = AfterCommit(given["after_commit"])
    given["json_answers"] = JsonAnswers(given["json_answers"])
    return JourneyOptions(**given)


def _policy(policy: Policy) -> PolicyOptions:
    return PolicyOptions(
        retry=RetryOptions(**_given(policy.retry)),
        breaker=BreakerOptions(**_given(policy.breaker)),
        limit=LimitOptions(**_given(policy.limit)),
        parking=ParkingOptions(**_given(policy.parking)),
        slowness=SlownessOptions(**_given(policy.slowness)),
    )


def _given(table: Table, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """The settings of a table that have a value, all or the named ones."""
    values = {name: getattr(table, name) for name in names or table.__struct_fields__}
    return {name: value for name, value in values.items() if value is not UNSET}
