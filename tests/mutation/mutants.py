"""Mutants of a module: copies that are wrong in one place each.

The changes are those of mutmut 3 (numbers, strings, comparisons, operators, arguments, keywords, branches).
mutmut itself leaves out what runs when a module is loaded (tables, defaults of options) and properties;
here these count as well. `__all__` is left out: it only says what `import *` brings.
"""

import difflib
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import libcst as cst  # type: ignore[import-not-found]  # only where mutants are made
from mutmut.mutation.file_mutation import (  # type: ignore[import-not-found]  # as above
    Mutation,
    create_mutations,
    deep_replace,
)

UNTOLD_DECORATORS = frozenset(("property", "override"))
"""Decorators that leave the code of a function as it is, but make mutmut pass the function over."""


@dataclass(frozen=True)
class Mutant:
    """One change to one module, ready to be tried."""

    original: CodeType | None
    """The function as it is, compiled like `code`."""
    code: CodeType | None
    """The function with the change; None if only loading the module anew shows the change."""
    source: str
    """The module with the change, where it must be loaded anew; else empty."""
    diff: str


@dataclass(frozen=True)
class _Owner:
    """A function of a module or of a class."""

    function: cst.FunctionDef
    class_name: str

    @property
    def qualname(self) -> str:
        """Its name as the code object has it."""
        name = self.function.name.value
        return f"{self.class_name}.{name}" if self.class_name else name

    def compiled(self, function: cst.CSTNode, tree: cst.Module, filename: str) -> CodeType:
        """The code object of a version of it."""
        text = tree.code_for_node(function)
        if self.class_name:
            text = f"class {self.class_name}:\n{textwrap.indent(text, '    ')}"
        code = compile(text, filename, "exec", dont_inherit=True)
        for name in self.qualname.split("."):
            code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
        return code


@dataclass(frozen=True)
class Change:
    """One place of one module, and what stands there instead."""

    name: str
    """`package/file.py:function:number`; the number counts the changes to the function, or outside functions."""
    path: Path
    module: str
    tree: cst.Module
    mutation: Mutation
    owner: _Owner | None

    @property
    def qualname(self) -> str:
        """The function; empty for what runs when the module is loaded."""
        return self.owner.qualname if self.owner else ""

    def made(self) -> Mutant:
        """Carry the change out."""
        if self.owner is not None:
            function = self.owner.function
            changed = _replaced(function, self.mutation)
            original = self.owner.compiled(function, self.tree, str(self.path))
            code = self.owner.compiled(changed, self.tree, str(self.path))
            if code != original:
                before, after = self.tree.code_for_node(function), self.tree.code_for_node(changed)
                return Mutant(original, code, "", _diff(before, after))
        return self.loaded()

    def loaded(self) -> Mutant:
        """Carry the change out on the whole module."""
        whole = _replaced(self.tree, self.mutation)
        assert isinstance(whole, cst.Module)
        # What mutmut was shown lacks `@property`; a module that is loaded must have it.
        return Mutant(None, None, _dressed(whole).code, _diff(self.tree.code, whole.code))


def changes_of(path: Path, root: Path) -> list[Change]:
    """All changes to a file, in the order of the source.

    Args:
        path: The file.
        root: The folder that holds the package `halfopen`.
    """
    parts = path.relative_to(root).with_suffix("").parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    file = "/".join(path.relative_to(root).parts[1:])
    bare = cst.parse_module(path.read_text(encoding="utf-8")).visit(_Bare())
    tree, mutations, _, _ = create_mutations(str(path), bare.code)
    owners = _owners(tree)
    unmeant = {id(node) for statement in tree.body if _is_all(statement) for node in _below(statement)}
    seen: dict[str, int] = {}
    changes = []
    for mutation in mutations:
        if id(mutation.original_node) in unmeant:
            continue
        function = mutation.contained_by_top_level_function
        owner = owners.get(id(function)) if function is not None else None
        place = owner.qualname if owner else "(module)"
        seen[place] = seen.get(place, 0) + 1
        name = f"{file}:{place}:{seen[place]}"
        changes.append(Change(name, path, module, tree, mutation, owner))
    return changes


_MARK = "_halfopen_bare_"


class _Bare(cst.CSTTransformer):  # type: ignore[misc]  # as above
    """Turns decorators into marks that mutmut does not know."""

    def leave_FunctionDef(  # noqa: N802 - the name that libcst calls
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        names = [d.decorator.value for d in updated_node.decorators if isinstance(d.decorator, cst.Name)]
        if not names or len(names) != len(updated_node.decorators) or not UNTOLD_DECORATORS.issuperset(names):
            return updated_node
        mark = cst.EmptyLine(comment=cst.Comment(f"#{_MARK}{','.join(names)}"))
        return updated_node.with_changes(decorators=[], leading_lines=[*updated_node.leading_lines, mark])


class _Dressed(cst.CSTTransformer):  # type: ignore[misc]  # as above
    """Turns the marks into decorators again."""

    def leave_FunctionDef(  # noqa: N802 - the name that libcst calls
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        lines = updated_node.leading_lines
        if not lines or lines[-1].comment is None or not lines[-1].comment.value.startswith(f"#{_MARK}"):
            return updated_node
        names = lines[-1].comment.value.removeprefix(f"#{_MARK}").split(",")
        return updated_node.with_changes(
            decorators=[cst.Decorator(cst.Name(name)) for name in names], leading_lines=lines[:-1]
        )


def _dressed(tree: cst.Module) -> cst.Module:
    return tree.visit(_Dressed())


def _owners(tree: cst.Module) -> dict[int, _Owner]:
    owners = {}
    for statement in tree.body:
        if isinstance(statement, cst.FunctionDef):
            owners[id(statement)] = _Owner(statement, "")
        elif isinstance(statement, cst.ClassDef):
            for child in statement.body.body:
                if isinstance(child, cst.FunctionDef):
                    owners[id(child)] = _Owner(child, statement.name.value)
    return owners


def _is_all(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], cst.Assign):
        return False
    target = statement.body[0].targets[0].target
    return isinstance(target, cst.Name) and target.value == "__all__"


def _below(node: cst.CSTNode) -> list[cst.CSTNode]:
    return [node, *(found for child in node.children for found in _below(child))]


def _replaced(node: cst.CSTNode, mutation: Mutation) -> cst.CSTNode:
    changed = deep_replace(node, mutation.original_node, mutation.mutated_node)
    assert isinstance(changed, cst.CSTNode)
    return changed


def _diff(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.strip("\n").splitlines(), after.strip("\n").splitlines(), lineterm="", n=2
    )
    return "\n".join(line for line in lines if not line.startswith(("---", "+++")) and _MARK not in line)
