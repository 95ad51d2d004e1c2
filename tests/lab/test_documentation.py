"""The reference of the lab is complete."""

from pathlib import Path

from halfopen.lab import faults

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "lab.md"


def test_every_fault_and_option_is_documented():
    """Each fault has its row, with its summary and options."""
    lines = PAGE.read_text().splitlines()
    for fault in faults.every():
        row = next((line for line in lines if line.startswith(f"| `{fault.name}` |")), "")
        assert fault.summary in row, f"{fault.name} is not in {PAGE.name}"
        assert all(f"`{name}`" in row for name, _ in fault.options)


def test_every_command_is_documented():
    """Each command of `halfopen lab` is on the page."""
    page = PAGE.read_text()
    assert all(f"halfopen lab {name}" in page for name in ("serve", "faults", "set", "clear", "show"))
