"""Configuration without a file: the keys in the environment make the providers, in a fixed order."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from halfopen.providers import catalogue

_SMALL_WORDS = frozenset(("mini", "nano", "lite", "haiku", "luna"))
"""Parts of the names of small models. A route is small when one of its models is."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor whose key may be in the environment."""

    provider: str
    """The name that targets use."""
    vendor: str
    """The name that people use."""
    dialect: str
    key_variables: tuple[str, ...]
    """The first of them that is set counts."""
    url_variable: str | None = None
    flavour: str | None = None
    small: str = ""
    """The model that stands in for small ones; empty: the catalogue's routes say which."""
    large: str = ""


VENDORS: tuple[Vendor, ...] = (
    Vendor("openai", "OpenAI", "openai", ("OPENAI_API_KEY",), "OPENAI_BASE_URL"),
    Vendor("claude", "Anthropic", "anthropic", ("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL"),
    Vendor("gemini", "Google", "gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY")),
    Vendor(
        "mistral", "Mistral", "openai", ("MISTRAL_API_KEY",), None, "mistral",
        "mistral-small-latest", "mistral-large-latest",
    ),
    Vendor(
        "deepseek", "DeepSeek", "openai", ("DEEPSEEK_API_KEY",), None, "deepseek",
        "deepseek-v4-flash", "deepseek-v4-pro",
    ),
    Vendor(
        "groq", "Groq", "openai", ("GROQ_API_KEY",), None, "groq", "openai/gpt-oss-20b", "openai/gpt-oss-120b"
    ),
    Vendor(
        "openrouter", "OpenRouter", "openai", ("OPENROUTER_API_KEY",), None, "openrouter",
        "openai/gpt-5.4-mini", "openai/gpt-5.4",
    ),
)  # fmt: skip
"""In the order in which they are asked, after the vendor of the model that the client named.

The names of the last four's models come from second-hand sources of November 2026, not from the
vendors' own pages; a route in halfopen.toml names others.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A configuration made from the environment."""

    data: Mapping[str, Any]
    """The same as a file would hold."""
    notes: tuple[str, ...]
    """Which providers were found, and where prompts may go, in plain words."""
    variables: Mapping[str, str]
    """The environment variable behind a setting, by the setting's place."""


def from_environment(environ: Mapping[str, str]) -> Found | None:
    """Make a configuration from the keys in the environment; None: there is no key."""
    present = {
        vendor.provider: variable for vendor in VENDORS if (variable := _key_variable(vendor, environ))
    }
    if not present:
        return None
    vendors = tuple(vendor for vendor in VENDORS if vendor.provider in present)
    providers = {vendor.provider: _provider(vendor, present[vendor.provider], environ) for vendor in vendors}
    routes = routes_for(vendors)
    variables = {f"providers.{name}.key": variable for name, variable in present.items()}
    variables |= {
        f"providers.{vendor.provider}.base_url": vendor.url_variable
        for vendor in vendors
        if vendor.url_variable
    }
    notes = _notes(vendors, present, routes, environ)
    return Found({"providers": providers, "routes": routes}, notes, variables)


def routes_for(vendors: tuple[Vendor, ...]) -> dict[str, dict[str, list[str]]]:
    """The default routes, restricted to `vendors`: the model's own vendor first, then the others in order."""
    named = {vendor.dialect: vendor for vendor in vendors if not vendor.small}
    routes = {}
    for name, pairs in catalogue.DEFAULT_ROUTES.items():
        targets = [f"{named[dialect].provider}/{model}" for dialect, model in pairs if dialect in named]
        small = any(not _SMALL_WORDS.isdisjoint(model.split("-")) for _, model in pairs)
        targets += [
            f"{vendor.provider}/{vendor.small if small else vendor.large}"
            for vendor in vendors
            if vendor.small
        ]
        routes[name] = {"targets": targets}
    for name, dialect in catalogue.OWN_ROUTES.items():
        if dialect in named:
            routes[name] = {"targets": [f"{named[dialect].provider}/{name}"]}
    return routes


def lab_data(ports: Mapping[str, int]) -> Mapping[str, Any]:
    """A configuration that uses the simulated providers of the lab.

    Args:
        ports: Port on 127.0.0.1 by dialect.
    """
    paths = MappingProxyType({"openai": "/v1"})
    vendors = tuple(vendor for vendor in VENDORS if not vendor.small and vendor.dialect in ports)
    providers = {
        vendor.provider: {
            "dialect": vendor.dialect,
            "base_url": f"http://127.0.0.1:{ports[vendor.dialect]}{paths.get(vendor.dialect, '')}",
            "key": "lab",
        }
        for vendor in vendors
    }
    return {"providers": providers, "routes": routes_for(vendors)}


def _key_variable(vendor: Vendor, environ: Mapping[str, str]) -> str | None:
    return next((name for name in vendor.key_variables if environ.get(name, "").strip()), None)


def _provider(vendor: Vendor, variable: str, environ: Mapping[str, str]) -> dict[str, str]:
    provider = {"dialect": vendor.dialect, "key": "${" + variable + "}"}
    if vendor.flavour:
        provider["flavour"] = vendor.flavour
    url = environ.get(vendor.url_variable, "").strip() if vendor.url_variable else ""
    return provider | ({"base_url": url} if url else {})


def _notes(
    vendors: tuple[Vendor, ...],
    present: Mapping[str, str],
    routes: Mapping[str, Mapping[str, list[str]]],
    environ: Mapping[str, str],
) -> tuple[str, ...]:
    order = ", ".join(f"{vendor.vendor} ({present[vendor.provider]})" for vendor in vendors)
    notes = [f"No halfopen.toml. The keys in the environment make the providers, in this order: {order}."]
    if len(vendors) == 1:
        vendor = vendors[0].vendor
        notes.append(
            f"There is one vendor only, so nobody can stand in for it. Every prompt goes to {vendor}."
        )
    else:
        names = ", ".join(vendor.vendor for vendor in vendors)
        notes.append(
            "A request goes to the vendor of the model that it names. When that vendor fails, the prompt "
            "goes to the next of these, who then sees it, charges for it, and answers with another model: "
            f"{names}."
        )
    notes += [
        f"{vendor.vendor}'s address comes from {vendor.url_variable}."
        for vendor in vendors
        if vendor.url_variable and environ.get(vendor.url_variable, "").strip()
    ]
    return (*notes, "Which models answer for which:", *_mapping(routes))


def _mapping(routes: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    """The routes in words, those with the same stand-ins together."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, route in routes.items():
        targets = tuple(
            f"{target.partition('/')[0]}/(the same)" if target.partition("/")[2] == name else target
            for target in route["targets"]
        )
        groups.setdefault(targets, []).append(name)
    return [f"  {', '.join(names)} -> {', then '.join(targets)}" for targets, names in groups.items()]
