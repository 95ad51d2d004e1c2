"""The settings document themselves and agree with what they set."""

from dataclasses import fields

import pytest

from halfopen.model import Capabilities
from halfopen.policy import options
from halfopen.rollout import LocalSpec, settings
from halfopen.rollout.fields import tables


def test_every_setting_says_what_it_is_for():
    """No setting is without a description, and every number has a range."""
    bare = [f"{table.name}.{field.name}" for table in tables() for field in table.fields if not field.text]
    unbounded = [
        f"{table.name}.{field.name}"
        for table in tables()
        for field in table.fields
        if field.type in {"number", "whole number"} and not field.range
    ]
    assert (bare, unbounded) == ([], [])


def test_every_default_is_within_its_range():
    """A default that the check refuses would be a trap."""
    outside = [
        f"{table.name}.{field.name}"
        for table in tables()
        for field in table.fields
        for value in (field.default, field.example)
        if isinstance(value, int | float)
        and not isinstance(value, bool)
        and not field.low <= value <= field.high
    ]
    assert outside == []


@pytest.mark.parametrize(
    ("table", "option"),
    [
        (settings.Retry, options.RetryOptions),
        (settings.Breaker, options.BreakerOptions),
        (settings.Limit, options.LimitOptions),
        (settings.Parking, options.ParkingOptions),
        (settings.Slowness, options.SlownessOptions),
    ],
    ids=lambda found: found.__name__,
)
def test_every_option_of_a_policy_can_be_set(table, option):
    """The tables have the options' names and defaults."""
    made = table()
    assert {name: getattr(made, name) for name in table.__struct_fields__} == {
        field.name: getattr(option(), field.name) for field in fields(option)
    }


def test_every_bound_of_a_request_can_be_set():
    """[defaults] has the options' names and defaults; what a choice and a hedge are made of has plain words."""
    made, option = settings.Defaults(), options.JourneyOptions()
    plain = {name: getattr(made, name) for name in made.__struct_fields__}
    expected = {field.name: getattr(option, field.name) for field in fields(option)}
    choice, hedge, weights = (expected.pop(name) for name in ("choice", "hedge", "weights"))
    assert (plain.pop("choose"), plain.pop("hedge"), weights) == (choice, hedge.extra_load, ())
    assert plain == expected
    assert {field.name for field in fields(options.HedgeOptions)} == {"extra_load"}


def test_every_default_can_be_said_by_a_route():
    """A route has the settings of [defaults], and what only makes sense for its own targets."""
    own = set(settings.Route.__struct_fields__) - set(settings.Defaults.__struct_fields__)
    # What is kept of prompts a route has to say itself.
    assert own == {"targets", "weights", "keep_content", "content_bytes"}
    assert set(settings.Defaults.__struct_fields__) <= set(settings.Route.__struct_fields__)


def test_every_way_to_choose_can_be_written():
    """The words of the file are those of the policy."""
    (field,) = [field for table in tables() for field in table.fields if field.name == "choose"][-1:]
    assert {word.strip('"') for word in field.type.split(" or ")} == set(options.Choice)


def test_every_rate_limit_can_be_set_for_a_provider_and_for_a_model():
    """What headers don't tell can be said in the file."""
    rates = {field.name for field in fields(options.PacerOptions)}
    assert rates <= set(settings.Provider.__struct_fields__)
    assert rates <= set(settings.Model.__struct_fields__)


def test_every_capability_can_be_overridden():
    """What the catalogue has wrong can be put right."""
    rates = {field.name for field in fields(options.PacerOptions)}
    expected = {field.name for field in fields(Capabilities)} | {"input_price", "output_price"}
    assert set(settings.Model.__struct_fields__) - rates == expected


def test_every_setting_of_a_local_model_is_handed_on():
    """The provider's table and the local model's options have the same names."""
    assert set(settings.LOCAL_ONLY) == {field.name for field in fields(LocalSpec)}
