"""What `make compiled` compiles."""

import ast
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


def test_no_class_that_is_not_compiled_inherits_from_one_that_is() -> None:
    """Python refuses that when the class is made, in the compiled build only."""
    defined, bases = _classes()
    wrong = [
        f"{module}: {name}({base})"
        for (module, name), named in bases.items()
        for base in named
        if module not in LISTED and defined.get((module, base)) in LISTED
    ]
    assert not wrong, (
        f"list their modules in scripts/compiled_modules.txt, or not those of the bases: {wrong}"
    )


def test_every_test_that_is_left_out_is_there() -> None:
    """A test that was renamed is renamed in the list of what the compiled build isn't tested with."""
    lines = (ROOT / "scripts/compiled_left_out.txt").read_text().splitlines()
    listed = [line.partition("::") for line in lines if line and not line.startswith("#")]
    missing = [
        f"{path}::{name}"
        for path, _, name in listed
        if not (ROOT / path).is_file() or f"def {name}" not in (ROOT / path).read_text()
    ]
    assert not missing, f"mend scripts/compiled_left_out.txt: {missing}"


def _classes() -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], list[str]]]:
    """Where each name of a class comes from, by the module that uses it; and the bases of each class."""
    origin: dict[tuple[str, str], str] = {}
    bases: dict[tuple[str, str], list[str]] = {}
    for path in (ROOT / "src").rglob("*.py"):
        module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                origin.update(((module, each.asname or each.name), node.module) for each in node.names)
            elif isinstance(node, ast.ClassDef):
                origin[module, node.name] = module
                bases[module, node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return origin, bases
