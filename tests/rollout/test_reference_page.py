"""The reference page has every setting."""

from pathlib import Path

from halfopen.rollout.environment import VENDORS
from halfopen.rollout.reference_page import settings_table

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"
BEGIN = "<!-- `halfopen config reference` writes what follows -->\n"


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
