"""Classes of the application, read in its source: nothing of it is imported or run.

Its modules may import the very package that is generated, or need what a generator doesn't have.
What can't be read there (a class that is computed, a module that is compiled) is not known.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
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
    """Finds definitions in the folders that Python would look in, first come first served.

    `package` is what is being generated: what will be in it can't be told beforehand.
    """

    def __init__(self, folders: Iterable[Path], package: str = "") -> None:
        self._folders = tuple(folders)
        self._package = package
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

    def names(self, module: str) -> frozenset[str] | None:
        """All names that the module may have, with `*` where others may be; None if unknown."""
        tree = self._module(module)
        if tree is None or module.partition(".")[0] == self._package:
            return None
        return frozenset(_bound(tree))

    def is_package(self, module: str) -> bool:
        """Whether there may be modules in it."""
        file = self._file(module)
        return file is None or file.name == "__init__.py"

    def exists(self, module: str) -> bool:
        """Whether there is a file for it, or Python finds the package or module that it is in."""
        top = module.partition(".")[0]
        if self._file(module) is not None or top == self._package:
            return True
        found = top in sys.modules or any((folder / top).exists() for folder in self._folders)
        return found or find_spec(top) is not None

    def _source(self, module: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        path = module.split(".")
        up = node.level - self.is_package(module)
        return ".".join([*path[: len(path) - up], *filter(None, [node.module])])

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


def _bound(tree: ast.Module) -> Iterator[str]:
    """All names that the module, or something in it, gives to anything."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield "*" if node.name == "__getattr__" else node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


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
