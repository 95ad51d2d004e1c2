"""The reference page has every setting."""

import re
from pathlib import Path

import pytest

from halfopen.policy.options import Choice
from halfopen.rollout import Configured, configure
from halfopen.rollout.environment import VENDORS
from halfopen.rollout.reference_page import settings_table

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
BEGIN = "<!-- `halfopen config reference` writes what follows -->\n"
SAMPLES = re.findall(r"(?ms)^```toml\n(.*?)^```$", PAGE.read_text())
ROUTE = '[routes.m]\ntargets = ["openai/gpt-4o"]\n'


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.splitlines()[-1].partition(" ")[0])
def test_every_sample_of_the_page_can_be_served(sample):
    """Who copies one gets no error and no warning, once its variables are set."""
    environ = {name: f"sk-{name}" for name in re.findall(r"\$\{(\w+)\}", sample)}
    outcome = configure(sample if "[routes." in sample else sample + ROUTE, environ)
    assert isinstance(outcome, Configured), outcome
    assert [each for each in outcome.warnings if "stand in" not in each.message] == []


def test_every_way_to_choose_is_explained():
    """The page has a row for each."""
    assert set(re.findall(r'(?m)^\| `"(\w+)"` \|', PAGE.read_text())) == set(Choice)


def test_the_page_is_up_to_date():
    """Mend it with: put the output of `halfopen config reference` below the marker."""
    _, marker, table = PAGE.read_text().partition(BEGIN)
    assert marker, "the marker is gone"
    assert table.strip() == settings_table().strip()


def test_the_page_names_every_variable_in_order():
    """The order of the environment is documented."""
    text = PAGE.read_text()
    places = [text.find(f"`{vendor.key_variables[0]}`") for vendor in VENDORS]
    assert -1 not in places
    assert places == sorted(places)
    assert all(f"`{model}`" in text for vendor in VENDORS for model in (vendor.small, vendor.large) if model)
