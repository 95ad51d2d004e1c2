"""Settings become a snapshot."""

import json

import pytest

from halfopen.model import Price
from halfopen.policy.options import AfterCommit, JourneyOptions, JsonAnswers
from halfopen.providers import Chat, dialect_of, parse_chat


def test_a_route_takes_what_it_leaves_out_from_the_defaults(configured):
    """Route, then [defaults], then the policy's own default."""
    more = "[defaults]\nstall_s = 7\nstream_s = 99\n[routes.x]\ntargets = ['openai/m']\nstall_s = 8\n"
    assert configured(more=more).snapshot.routes["x"].options == JourneyOptions(stall_s=8.0, stream_s=99.0)


def test_what_becomes_of_streams_is_told_by_the_route(configured):
    """Words of the file become the policy's own values, from the route or from [defaults]."""
    more = (
        '[defaults]\njson_answers = "relay"\nkeepalive_after_s = 0\n'
        "[routes.x]\ntargets = ['openai/m']\nafter_commit = \"hold\"\nkeepalive_every_s = 5\nfirst_token_min_s = 3\n"
    )
    options = configured(more=more).snapshot.routes["x"].options
    assert options.after_commit is AfterCommit.HOLD
    assert options.json_answers is JsonAnswers.RELAY
    assert (options.keepalive_after_s, options.keepalive_every_s, options.first_token_min_s) == (
        0.0,
        5.0,
        3.0,
    )


def test_an_unknown_wish_for_broken_streams_is_refused(problems):
    """The message names the choices."""
    (problem,) = problems(more='[defaults]\nafter_commit = "restart"')
    assert '"restart" is not one of continue, error, hold' in problem


def test_policies_reach_the_snapshot(configured):
    """Every policy's table is handed on."""
    more = (
        "[policy.retry]\ncap_s = 9\nprice_max = 2\n[policy.breaker]\nlease_s = 5\nslow_share = 0.25\n"
        "lone_probe_s = 3\n[policy.limit]\nmax = 50\ninitial = 5\nreserve = 0.3\n[policy.parking]\nkey_s = 30\n"
        "[policy.slowness]\nratio = 7\nmin_s = 2\n"
    )
    policy = configured(more=more).snapshot.policy
    assert (policy.retry.cap_s, policy.retry.price_max) == (9.0, 2.0)
    breaker = policy.breaker
    assert (breaker.lease_s, breaker.slow_share, breaker.lone_probe_s) == (5.0, 0.25, 3.0)
    assert (policy.limit.max, policy.limit.reserve, policy.parking.key_s) == (50, 0.3, 30.0)
    assert (policy.slowness.ratio, policy.slowness.min_s) == (7.0, 2.0)


@pytest.mark.parametrize(
    ("table", "setting", "low", "high"),
    [
        ("retry", "price_max", "0.9", "101"),
        ("breaker", "slow_share", "0", "1.1"),
        ("breaker", "lone_probe_s", "0.05", "301"),
        ("limit", "reserve", "-0.1", "1.1"),
        ("slowness", "ratio", "1.4", "101"),
        ("slowness", "min_s", "0.04", "601"),
    ],
)
def test_a_policy_out_of_its_range_is_refused(problems, table, setting, low, high):
    """The message names the bound."""
    (below,) = problems(more=f"[policy.{table}]\n{setting} = {low}")
    (above,) = problems(more=f"[policy.{table}]\n{setting} = {high}")
    assert f"policy.{table}.{setting}: must be at least" in below
    assert f"policy.{table}.{setting}: must be at most" in above


def test_capabilities_come_from_the_catalogue(configured):
    """A known model has its limits and its price."""
    primary, _ = configured().snapshot.routes["gpt-4o-mini"].targets
    assert (primary.capabilities.context_tokens, primary.price is not None) == (128_000, True)


def test_overrides_win_over_the_catalogue(configured):
    """What the file says about a model replaces the catalogue, and nothing else changes."""
    more = '[providers.openai.models."gpt-4o-mini"]\ncontext_tokens = 5\ntools = false\ninput_price = 1\noutput_price = 2\n'
    plain, _ = configured().snapshot.routes["gpt-4o-mini"].targets
    changed, _ = configured(more=more).snapshot.routes["gpt-4o-mini"].targets
    assert (changed.capabilities.context_tokens, changed.capabilities.tools) == (5, False)
    assert changed.capabilities.output_tokens == plain.capabilities.output_tokens
    assert changed.price == Price(1.0, 2.0)


def test_base_urls_default_to_the_vendor_and_lose_their_last_slash(configured):
    """Paths can be appended as they are."""
    more = '[providers.x]\ndialect = "openai"\nbase_url = "http://127.0.0.1:1/v1/"\n[providers.g]\ndialect = "openai"\nflavour = "groq"\n'
    providers = configured(more=more).snapshot.providers
    assert [providers[name].base_url for name in ("openai", "claude", "x", "g")] == [
        "https://api.openai.com/v1",
        "https://api.anthropic.com",
        "http://127.0.0.1:1/v1",
        "https://api.groq.com/openai/v1",
    ]


def test_an_address_tells_the_flavour_where_that_is_certain(configured):
    """Nobody has to say that api.groq.com is Groq."""
    more = '[providers.g]\ndialect = "openai"\nbase_url = "https://api.groq.com/openai/v1"\n[routes.x]\ntargets = ["g/m"]\n'
    snapshot = configured(more=more).snapshot
    assert snapshot.providers["g"].flavour == "groq"
    assert not snapshot.routes["x"].targets[0].capabilities.choices


def test_a_models_own_settings_beat_what_its_server_lacks(configured):
    """A capability that is given for a model counts, also where its server is said to lack it."""
    more = (
        '[providers.d]\ndialect = "openai"\nflavour = "deepseek"\n'
        '[providers.d.models.m]\njson_schema = true\n[routes.x]\ntargets = ["d/m"]\n'
    )
    target = configured(more=more).snapshot.routes["x"].targets[0]
    assert (target.capabilities.json_schema, target.capabilities.seed) == (True, False)
    body = {
        "model": "x",
        "messages": [{"role": "user", "content": "Hi"}],
        "response_format": {"type": "json_schema"},
    }
    chat = parse_chat(json.dumps(body).encode())
    assert isinstance(chat, Chat)
    assert dialect_of("openai", "deepseek").unfit(chat, target) is None


def test_a_local_model_has_its_own_settings_and_no_address(configured):
    """The address is known once it runs."""
    more = '[providers.local]\nlocal = true\ncontext_tokens = 2048\nthreads = 3\n[routes.x]\ntargets = ["local/small"]\n'
    snapshot = configured(more=more).snapshot
    provider = snapshot.providers["local"]
    assert (provider.dialect, provider.base_url, provider.key) == ("openai", "", None)
    assert provider.local is not None
    assert (provider.local.context_tokens, provider.local.threads, provider.local.gguf) == (2048, 3, None)
    assert snapshot.routes["x"].targets[0].capabilities.context_tokens == 2048
