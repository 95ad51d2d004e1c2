"""What `make compiled` compiles."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTED = [
    line
    for line in (ROOT / "scripts/compiled_modules.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def test_every_listed_module_is_there() -> None:
    """A module that was renamed is renamed in the list."""
    missing = [name for name in LISTED if not (ROOT / "src" / f"{name.replace('.', '/')}.py").is_file()]
    assert not missing, f"mend scripts/compiled_modules.txt: {missing}"


def test_none_defines_a_struct() -> None:
    """Mypyc replaces the types of a struct's fields, so that msgspec would decode them wrongly."""
    wrong = [
        name
        for name in LISTED
        if "msgspec.Struct" in (ROOT / "src" / f"{name.replace('.', '/')}.py").read_text()
    ]
    assert not wrong, f"move the structs of {wrong} into modules that aren't compiled"


def test_the_list_is_sorted_and_has_no_module_twice() -> None:
    """So that two changes of it don't meet."""
    assert sorted(set(LISTED)) == LISTED
