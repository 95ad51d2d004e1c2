"""docs/reference/simulator.md says everything about scenario files and policies."""

import re
from pathlib import Path

import pytest
from msgspec import NODEFAULT, UNSET, Struct, inspect

from halfopen.rollout.fields import plain
from halfopen.simulator import scenario_file
from halfopen.simulator.scenario import FaultKind
from halfopen.simulator.scenario_checks import FIGURES, USES
from halfopen.simulator.strategies import STRATEGIES
from halfopen.simulator.toml import Unreadable, read_scenario

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulator.md"
SUBTABLES = ("autoscaler", "cache")


@pytest.fixture(scope="module")
def page() -> str:
    """The reference."""
    return PAGE.read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """The text below a heading, up to the next."""
    _, _, rest = page.partition(f"### {title}\n")
    return re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]


def bare(kind: inspect.Type) -> inspect.Type:
    """The type without its metadata."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind


def expected(field: inspect.Field) -> tuple[str, tuple[str, ...]]:
    """How the default of a key is written, and what its range must name."""
    if field.required:
        default = "required"
    elif field.default in (NODEFAULT, UNSET, ()):
        default = "none"
    else:
        default = f"`{plain(field.default)}`"
    kind = bare(field.type)
    match kind:
        case inspect.IntType() | inspect.FloatType():
            assert kind.ge is not None
            assert kind.le is not None
            return default, (f"{plain(kind.ge)} to {plain(kind.le)}",)
        case inspect.LiteralType():
            return default, tuple(f"`{value}`" for value in kind.values)
        case inspect.BoolType():
            return default, ("`true`", "`false`")
        case inspect.StrType():
            return default, (f"at most {kind.max_length} characters",)
        case inspect.VarTupleType():
            return default, (f"{kind.min_length or 0} to {kind.max_length} items",)
        case _:
            return default, ("tables",)


@pytest.mark.parametrize(
    ("title", "table"),
    [
        pytest.param("The top of the file", scenario_file.ScenarioTable, id="top"),
        pytest.param("`[upstreams.NAME]`", scenario_file.UpstreamTable, id="upstream"),
        pytest.param("`[upstreams.NAME.autoscaler]`", scenario_file.AutoscalerTable, id="autoscaler"),
        pytest.param("`[upstreams.NAME.cache]`", scenario_file.CacheTable, id="cache"),
        pytest.param("`[clients.NAME]`", scenario_file.ClientTable, id="clients"),
        pytest.param("`phases` of `[clients.NAME]`", scenario_file.PhaseTable, id="phases"),
        pytest.param("`[[faults]]`", scenario_file.FaultTable, id="faults"),
        pytest.param("`[[expect]]`", scenario_file.ExpectTable, id="expect"),
    ],
)
def test_keys(page: str, title: str, table: type[Struct]) -> None:
    """Every key of every table has its row with default, range and meaning, and no row is of a key that is gone."""
    text = section(page, title)
    rows = dict(re.findall(r"^\| `(\w+)` \| ((?:[^|]+\|){3})$", text, flags=re.MULTILINE))
    info = inspect.type_info(table)
    assert isinstance(info, inspect.StructType)
    fields = [field for field in info.fields if field.encode_name not in SUBTABLES]
    assert list(rows) == [field.encode_name for field in fields]
    for field in fields:
        default, ranges = expected(field)
        cells = [cell.strip() for cell in rows[field.encode_name].split("|")[:3]]
        assert cells[0] == default, field.encode_name
        assert all(named in cells[1] for named in ranges), field.encode_name
        assert isinstance(field.type, inspect.Metadata)
        assert cells[2] == (field.type.extra_json_schema or {})["description"]


def test_kinds(page: str) -> None:
    """Every kind of fault has its row with the keys that it heeds."""
    text = section(page, "`[[faults]]`")
    for kind in FaultKind:
        keys = ", ".join(f"`{key}`" for key in USES[kind.value]) or "none"
        assert re.search(rf"^\| `{kind.value}` \| [^|]+ \| {re.escape(keys)} \|$", text, flags=re.MULTILINE)


def test_figures_and_policies(page: str) -> None:
    """Every figure and every policy is named."""
    assert ", ".join(f"`{figure}`" for figure in FIGURES) in section(page, "`[[expect]]`")
    for name, listed in STRATEGIES.items():
        assert f"| `{name}` | {listed.text} |" in page


def test_example(page: str) -> None:
    """The example of the page is a scenario."""
    (example,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    read = read_scenario(example)
    assert not isinstance(read, Unreadable), read
