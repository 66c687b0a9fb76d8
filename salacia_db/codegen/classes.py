"""Classes of the application, read in its source: nothing of it is imported or run.

Its modules may import the very package that is generated, or need what a generator doesn't have.
What can't be read there (a class that is computed, a module that is compiled) is not known.
"""

import ast
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

_DEEPEST = 8  # modules that import a name from one another
_ENUMS = frozenset(("Enum", "StrEnum"))


class Definition(Struct, frozen=True):
    """What a name stands for: `labels` are an enum's values, None where it is no enum of texts."""

    labels: tuple[str, ...] | None = None
    plain: bool = False
    """Whether it is a class that is no enum."""


class Classes:
    """Finds definitions in the folders that Python would look in, first come first served."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._modules: dict[str, ast.Module | None] = {}

    def find(self, module: str, name: str, depth: int = 0) -> Definition | None:
        """What a module calls so; None where that can't be told."""
        tree = self._module(module)
        if tree is None or depth > _DEEPEST:
            return None
        for node in reversed(tree.body):
            if isinstance(node, ast.ClassDef) and node.name == name:
                return _class(node)
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    return Definition()
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self.find(self._source(module, node), alias.name, depth + 1)
        return None

    def _source(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        path = module.split(".")
        up = node.level - self._is_package(module)
        return ".".join([*path[: len(path) - up], *filter(None, [node.module])])

    def _is_package(self, module: str) -> bool:
        file = self._file(module)
        return file is not None and file.name == "__init__.py"

    def _file(self, module: str) -> Path | None:
        path = module.replace(".", "/")
        for folder in self._folders:
            for file in (folder / f"{path}.py", folder / path / "__init__.py"):
                if file.is_file():
                    return file
        return None

    def _module(self, module: str) -> ast.Module | None:
        if module not in self._modules:
            file = self._file(module)
            try:
                tree = None if file is None else ast.parse(file.read_bytes())
            except (SyntaxError, ValueError, OSError):
                tree = None
            self._modules[module] = tree
        return self._modules[module]


def _class(node: ast.ClassDef) -> Definition:
    bases = {
        base.attr if isinstance(base, ast.Attribute) else ast.unparse(base) for base in node.bases
    }
    if not bases & _ENUMS:
        return Definition(plain=True)
    labels: list[str] = []
    for line in node.body:
        if not isinstance(line, ast.Assign) or not isinstance(line.targets[0], ast.Name):
            continue
        name, value = line.targets[0].id, line.value
        if name.startswith("_"):
            continue
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            labels.append(value.value)
        elif isinstance(value, ast.Call) and ast.unparse(value.func).endswith("auto"):
            if "StrEnum" not in bases:
                return Definition()
            labels.append(name.lower())
        else:
            return Definition()
    return Definition(labels=tuple(labels))
